/** A wait with an end: whoever waits says what for. */
import type { UnetError } from '../errors.ts';

/**
 * Runs `wait` with a signal that also aborts after `ms`.
 *
 * @throws what `late` makes when it took too long; the signal's reason; or what `wait` throws.
 */
export async function withDeadline<T>(
  ms: number,
  signal: AbortSignal,
  wait: (limit: AbortSignal) => Promise<T>,
  late: () => UnetError,
): Promise<T> {
  const limit = new AbortController();
  const end = () => limit.abort(signal.reason);
  const timer = setTimeout(() => limit.abort(late()), ms);
  signal.addEventListener('abort', end, { once: true });
  try {
    signal.throwIfAborted();
    return await wait(limit.signal);
  } catch (error) {
    limit.signal.throwIfAborted();
    throw error;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', end);
  }
}
