/** The pod network: `install-flannel`, or `install-cni` of a Gen3 release. */
import { need, type Step } from '../context.ts';
import { runTarget } from './run-target.ts';

export const cni: Step = {
  name: 'cni',
  run: async (context, log, signal) => {
    await runTarget(need(context.release, 'the release').cni, 'cni', context, log, signal);
  },
};
