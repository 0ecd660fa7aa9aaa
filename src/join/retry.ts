/** Joining again until it works, where trying again can help. */
import pRetry from 'p-retry';
import { UnetError } from '../errors.ts';

export type JoinRetry = {
  /** The number of the attempt that failed; the first one is 1. */
  attempt: number;
  /** Milliseconds until the next one. */
  inMs: number;
  /** Why the last one failed. */
  error: UnetError;
  /** The reset after it failed too; the next attempt is made all the same. */
  resetError?: UnetError | undefined;
};

export type JoinWithRetriesOptions<T> = {
  /** Must end when its signal is aborted: by the caller's signal, or by the deadline. */
  attempt: (attempt: number, signal: AbortSignal) => Promise<T>;
  /** `kubeadm join` is not idempotent: undoes a failed attempt (recorded/usernetes/kubeadm-join-again). */
  reset: (signal: AbortSignal) => Promise<void>;
  /** How often to try, at least 1. */
  attempts: number;
  signal: AbortSignal;
  /** Milliseconds for all attempts together. */
  deadlineMs: number;
  onRetry?: ((retry: JoinRetry) => void) | undefined;
  /** Milliseconds before the second attempt, doubled for each further one, times a chance of 1 to 2. */
  minDelayMs?: number | undefined;
};

const MIN_DELAY_MS = 1000;
const MAX_DELAY_MS = 30_000;
const FACTOR = 2;

/**
 * Runs `attempt` until it succeeds, fails for good (a fatal UnetError), or attempts or time are used up.
 *
 * @throws UnetError of the last attempt; UNET_JOIN_TIMEOUT when the deadline passed; the signal's reason.
 */
export async function joinWithRetries<T>(options: JoinWithRetriesOptions<T>): Promise<T> {
  const { attempt, reset, attempts, signal, deadlineMs, onRetry } = options;
  signal.throwIfAborted();
  const limit = deadline(signal, deadlineMs);
  // One chance per node instead of one per delay: as good at spreading nodes, and the delay can be told beforehand.
  const firstDelayMs = Math.round((options.minDelayMs ?? MIN_DELAY_MS) * (1 + Math.random()));
  let last: UnetError | undefined;
  try {
    return await pRetry((number) => attempt(number, limit.signal), {
      retries: attempts - 1,
      minTimeout: firstDelayMs,
      maxTimeout: MAX_DELAY_MS,
      factor: FACTOR,
      signal: limit.signal,
      shouldRetry: ({ error }) => !isFatal(error),
      onFailedAttempt: async ({ error, attemptNumber, retriesLeft }) => {
        limit.signal.throwIfAborted();
        last = UnetError.from(error);
        if (isFatal(error) || retriesLeft === 0) {
          return;
        }
        const resetError = await failureOf(() => reset(limit.signal));
        limit.signal.throwIfAborted();
        const inMs = Math.min(firstDelayMs * FACTOR ** (attemptNumber - 1), MAX_DELAY_MS);
        onRetry?.({ attempt: attemptNumber, inMs, error: last, resetError });
      },
    });
  } catch (error) {
    signal.throwIfAborted();
    if (limit.signal.aborted) {
      throw timedOut(deadlineMs, last);
    }
    throw UnetError.from(error);
  } finally {
    limit.clear();
  }
}

function isFatal(error: unknown): boolean {
  return UnetError.is(error) && error.fatal;
}

/** A signal for the caller's abort or the deadline. Not AbortSignal.any: its timer and listener outlive the use. */
function deadline(signal: AbortSignal, ms: number): { signal: AbortSignal; clear: () => void } {
  const controller = new AbortController();
  const onAbort = () => controller.abort(signal.reason);
  const timer = setTimeout(() => controller.abort(new Error('deadline')), ms);
  signal.addEventListener('abort', onAbort, { once: true });
  return {
    signal: controller.signal,
    clear: () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
    },
  };
}

async function failureOf(action: () => Promise<void>): Promise<UnetError | undefined> {
  try {
    await action();
    return undefined;
  } catch (error) {
    return UnetError.from(error);
  }
}

function timedOut(deadlineMs: number, last: UnetError | undefined): UnetError {
  const because = last === undefined ? '' : `; the last attempt failed: ${last.message}`;
  return new UnetError('UNET_JOIN_TIMEOUT', `the node did not join within ${deadlineMs / 1000} s${because}`, {
    cause: last,
    tail: last?.details.tail,
    log: last?.details.log,
    remedy: 'see the log of the step; a slower site needs a longer deadline for the step "join"',
  });
}
