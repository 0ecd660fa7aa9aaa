/** The control plane, on the lead. */
import type { Step } from '../context.ts';
import { runTarget } from './run-target.ts';

export const init: Step = {
  name: 'init',
  run: async (context, log, signal) => {
    await runTarget('kubeadm-init', 'init', context, log, signal);
  },
};
