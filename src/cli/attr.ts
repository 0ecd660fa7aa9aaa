/** `unet attr NAME`: one value, for a script. */
import { ATTRIBUTES, type Attribute, attribute } from '../session/cluster-variables.ts';
import { findCluster, findJob } from '../session/job.ts';
import { withKubeconfigHere } from '../session/kubeconfig-here.ts';
import { VERSION } from '../version.ts';
import type { CommandModule } from './frame/command.ts';

export const attr: CommandModule<{ attribute: Attribute }> = {
  command: 'attr <attribute>',
  describe: 'one value of the cluster: kubeconfig, api-server, lead, nodes, phase …',
  group: 'use',
  example: [['kubectl --kubeconfig "$(unet attr kubeconfig)" get nodes', 'without changing the environment']],
  settings: ['allocation', 'name', 'jobDir'],
  positionals: {
    attribute: { type: 'string', choices: ATTRIBUTES, describe: 'its name', demandOption: true },
  },
  async handler({ args, settings, env, cwd, signal, out }) {
    const job = await findJob({ settings, env, cwd, unet: VERSION, signal });
    const found = await findCluster(job);
    const state = args.attribute === 'kubeconfig' ? await withKubeconfigHere(job, found) : found.state;
    out(attribute(args.attribute, state, job.paths));
    return 0;
  },
};
