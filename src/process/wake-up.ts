/** Waiting for a timer or a call, whichever is first, until told to stop. */

export type WakeUp = {
  /** Ends the wait that is under way, or the next one if there is none. */
  wake: () => void;
  /** Resolves after `ms` milliseconds or when woken; rejects with the signal's reason. */
  next: (ms: number) => Promise<void>;
  /** The promise's result, or the signal's reason as soon as it is aborted: a dead file server answers never. */
  unlessAborted: <T>(promise: Promise<T>) => Promise<T>;
  /** Takes the listener off the signal. */
  end: () => void;
};

export function createWakeUp(signal: AbortSignal): WakeUp {
  let awake = false;
  let rouse: (() => void) | undefined;
  let abort: (() => void) | undefined;
  const aborted = new Promise<never>((_, reject) => {
    abort = () => reject(signal.reason);
  });
  aborted.catch(() => {}); // seen by whoever waits; by nobody, if nobody does
  const onAbort = () => abort?.();
  signal.addEventListener('abort', onAbort, { once: true });
  const wake = () => {
    awake = true;
    rouse?.();
  };
  const unlessAborted = <T>(promise: Promise<T>) => Promise.race([promise, aborted]);
  return {
    wake,
    unlessAborted,
    next: async (ms) => {
      signal.throwIfAborted();
      let timer: NodeJS.Timeout | undefined;
      try {
        await unlessAborted(
          new Promise<void>((resolve) => {
            rouse = resolve;
            timer = setTimeout(resolve, ms);
            if (awake) {
              resolve();
            }
          }),
        );
      } finally {
        clearTimeout(timer);
        rouse = undefined;
        awake = false;
      }
    },
    end: () => signal.removeEventListener('abort', onAbort),
  };
}
