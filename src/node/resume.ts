/** A worker that is done, or has failed, holds what it has; told to retry, it tries again. */
import type { NodeContext } from './context.ts';
import { bringNodeUp, joinAgain } from './plan.ts';
import { tryTarget } from './steps/run-target.ts';

/**
 * Waits for `retry` and does it, until `signal` aborts (then it rejects with the signal's reason). A node whose
 * container runs is reset and joins again; another one runs its whole plan, which is idempotent up to there.
 */
export async function holdAndRetry(context: NodeContext, signal: AbortSignal): Promise<never> {
  for (;;) {
    const { epoch } = await context.inbox.take('retry', signal, ({ node }) => node === context.node);
    context.epoch = epoch;
    try {
      if (context.booted === true) {
        await reset(context, signal);
        await joinAgain(context, signal);
      } else {
        await bringNodeUp(context, signal);
      }
    } catch {
      // Reported by the step; another retry may come.
      signal.throwIfAborted();
    }
  }
}

async function reset(context: NodeContext, signal: AbortSignal): Promise<void> {
  const log = context.openLog('join');
  try {
    await tryTarget('kubeadm-reset', 'join', context, log, signal);
  } finally {
    log.close();
  }
}
