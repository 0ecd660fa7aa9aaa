/** One action at a time, and once more when it was asked for meanwhile: for writes of which only the last state matters. */

export type Coalescing = {
  /** Runs the action now, or once more after the run that is under way. Resolves when a run that began after this call is over. */
  run: () => Promise<void>;
  /** Resolves when no run is under way. */
  idle: () => Promise<void>;
};

/** @param action must not reject. */
export function coalescing(action: () => Promise<void>): Coalescing {
  let running: Promise<void> = Promise.resolve();
  let queued: Promise<void> | undefined;
  return {
    run: () => {
      queued ??= running.then(() => {
        queued = undefined;
        running = action();
        return running;
      });
      return queued;
    },
    idle: async () => {
      await queued;
      await running;
    },
  };
}
