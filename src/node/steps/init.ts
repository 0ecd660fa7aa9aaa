/** The control plane, on the lead. */
import type { Step } from '../context.ts';
import { loadKubernetes } from '../kubernetes-bundle.ts';
import { runTarget } from './run-target.ts';

export const init: Step = {
  name: 'init',
  run: async (context, log, signal) => {
    // Wanted when this is done; before, reading and compiling it would hold up the node's start.
    loadKubernetes()
      .then(({ prepareTls }) => prepareTls())
      .catch(() => {}); // who needs it says what is wrong
    await runTarget('kubeadm-init', 'init', context, log, signal);
  },
};
