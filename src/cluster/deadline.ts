/** Waits with a deadline and a signal. */
import { ClusterError } from './errors.ts';
import type { WaitOptions } from './types.ts';

/** How long a wait lasts unless the caller says otherwise, in milliseconds. */
export const WAIT_MS = 600_000;

/**
 * Runs `work` with a signal that aborts at the deadline.
 *
 * @throws ClusterError Timeout, with what was waited for; or the reason of the caller's signal
 */
export async function withDeadline<T>(
  what: string,
  { timeoutMs = WAIT_MS, signal }: WaitOptions,
  work: (signal: AbortSignal) => Promise<T>,
  state: () => string = () => '',
): Promise<T> {
  const deadline = AbortSignal.timeout(timeoutMs);
  const both = signal === undefined ? deadline : AbortSignal.any([deadline, signal]);
  try {
    both.throwIfAborted();
    return await work(both);
  } catch (error) {
    signal?.throwIfAborted();
    if (!deadline.aborted) throw error;
    const last = state();
    throw new ClusterError(
      'Timeout',
      `${what}: not within ${timeoutMs / 1000} s${last === '' ? '' : ` (${last})`}`,
      {
        remedy: 'wait longer with a larger timeout, or look at what holds it up',
      },
    );
  }
}
