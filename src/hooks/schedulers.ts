/** The schedulers that run prologs and epilogs. */
import { UnetError } from '../errors.ts';
import type { HookJob, SchedulerHooks } from '../scheduler/hooks.ts';
import { SCHEDULER_NAMES, type SchedulerName, scheduler } from '../scheduler/registry.ts';

export type HookScheduler = SchedulerName;
export const HOOK_SCHEDULERS: readonly HookScheduler[] = SCHEDULER_NAMES.filter(
  (name) => scheduler(name).hooks !== undefined,
);

export function hooksOf(name: HookScheduler): SchedulerHooks {
  const { hooks } = scheduler(name);
  if (hooks === undefined) {
    throw new TypeError(`${name} runs no prologs`);
  }
  return hooks;
}

/** @throws UnetError UNET_NO_ALLOCATION when this is no prolog or epilog of that scheduler. */
export function hookJob(name: HookScheduler, env: NodeJS.ProcessEnv): HookJob {
  const { variable, decimalId } = hooksOf(name);
  const given = env[variable] ?? '';
  const id = decimalId(given);
  if (id === undefined) {
    throw new UnetError(
      'UNET_NO_ALLOCATION',
      `this is no prolog or epilog of ${name}: ${variable} is "${given}"`,
      {
        remedy: `"unet hooks install --${name}" writes scripts that the scheduler runs`,
      },
    );
  }
  return { id, jobId: `${name}-${id}` };
}
