/** `unet kubectl …`: kubectl, pointed at the cluster. */
import { UnetError } from '../errors.ts';
import { runForeground } from '../process/foreground.ts';
import { commandVariables } from '../session/cluster-variables.ts';
import { findJob, usableCluster } from '../session/job.ts';
import { runOnLead } from '../session/on-lead.ts';
import { VERSION } from '../version.ts';
import type { CommandModule } from './frame/command.ts';

export const kubectl: CommandModule = {
  command: 'kubectl',
  describe: 'kubectl for the cluster; everything after it goes to kubectl',
  group: 'use',
  example: [['unet kubectl get nodes -o wide', 'without eval of unet env']],
  settings: ['allocation', 'name', 'jobDir'],
  rest: 'everything',
  async handler({ settings, env, cwd, signal, rest, say }) {
    const job = await findJob({ settings, env, cwd, unet: VERSION, signal });
    // A login node may have no route to the API server, and does not always see the kubeconfig.
    const there = await runOnLead(job, { input: true, signal, say });
    if (there !== undefined) {
      return there;
    }
    const variables = commandVariables(await usableCluster(job), job.paths, env);
    try {
      return await runForeground(['kubectl', ...rest], { env: { ...env, ...variables }, cwd, signal });
    } catch (error) {
      if (UnetError.is(error) && error.code === 'UNET_COMMAND_NOT_FOUND') {
        throw new UnetError('UNET_TOOL_MISSING', error.message, {
          cause: error,
          exitCode: error.exitCode,
          remedy: 'put kubectl on PATH; any version within one minor of the cluster will do',
        });
      }
      throw error;
    }
  },
};
