/** What can be done with no scheduler at all; schedulers take from it what they do not do otherwise. */
import { UnetError } from '../errors.ts';
import { childEnvironment } from '../process/environment.ts';
import { refusingLauncher } from './refusing-launcher.ts';
import type { SchedulerJob } from './scheduler.ts';

export function withoutScheduler(env: NodeJS.ProcessEnv): SchedulerJob {
  return {
    launcher: refusingLauncher('this unet does not know the scheduler of the job'),
    onOneHost: false,
    madeUpNodes: false,
    command: () => undefined,
    environment: () => childEnvironment(env),
    joinTransports: ['shared-fs', 'stdio'],
    tools: [],
    whyNoArchive: (what, instead) =>
      new UnetError('UNET_CONFIG_INVALID', `${what} is for Flux, and this is no Flux instance`, {
        fatal: true,
        remedy: instead,
      }),
  };
}
