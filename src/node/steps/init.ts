/** The control plane, on the lead. */
import type { Step } from '../context.ts';
import { warnOfOtherVersion } from '../image-version.ts';
import { loadKubernetes } from '../kubernetes-bundle.ts';
import { runTarget } from './run-target.ts';

// When make has long been started: reading the client holds this process up for a moment.
const READ_AFTER_MS = 200;

export const init: Step = {
  name: 'init',
  run: async (context, log, signal) => {
    const reading = setTimeout(readAhead, READ_AFTER_MS);
    try {
      await Promise.all([
        runTarget('kubeadm-init', 'init', context, log, signal),
        warnOfOtherVersion(context, log, signal),
      ]);
    } finally {
      clearTimeout(reading);
    }
  },
};

/** What is wanted when this is done. */
function readAhead(): void {
  loadKubernetes()
    .then(({ prepareTls }) => prepareTls())
    .catch(() => {}); // who needs it says what is wrong
}
