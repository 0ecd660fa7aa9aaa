/** A worker holds what it has, and tries again what has failed when it is told to. */
import type { NodeContext } from './context.ts';
import { bringNodeUp } from './plan.ts';

/** Waits for `retry` and does it, until `signal` aborts (then it rejects with the signal's reason). */
export async function holdAndRetry(context: NodeContext, signal: AbortSignal): Promise<never> {
  for (;;) {
    const { epoch } = await context.inbox.take('retry', signal, ({ node }) => node === context.node);
    context.epoch = epoch;
    try {
      await bringNodeUp(context, signal);
    } catch {
      // Reported by the step; another retry may come.
      signal.throwIfAborted();
    }
  }
}
