/** containerd answers in the node. */
import { waitForContainerd } from '../../engine/containerd.ts';
import { need, type Step } from '../context.ts';

export const boot: Step = {
  name: 'boot',
  run: async (context, log, signal) => {
    await waitForContainerd(need(context.engine, 'the engine'), {
      stage: context.record.stage,
      env: context.environment(),
      timeoutMs: context.spec.stepTimeouts.boot,
      signal,
      onLine: log.line,
    });
    context.booted = true;
  },
};
