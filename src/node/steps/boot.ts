/** containerd answers in the node. */
import { LEAD_POLL_MS, WORKER_POLL_MS, waitForContainerd } from '../../engine/containerd.ts';
import { need, type Step } from '../context.ts';

export const boot: Step = {
  name: 'boot',
  run: async (context, log, signal) => {
    await waitForContainerd(need(context.engine, 'the engine'), {
      stage: context.record.stage,
      env: context.environment(),
      pollMs: context.isLead ? LEAD_POLL_MS : WORKER_POLL_MS,
      timeoutMs: context.spec.stepTimeouts.boot,
      signal,
      onLine: log.line,
    });
    context.booted = true;
  },
};
