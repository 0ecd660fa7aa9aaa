/** The timers of one owner, all ended together. */

export type Timers = {
  after: (ms: number, action: () => void) => NodeJS.Timeout;
  every: (ms: number, action: () => void) => void;
  end: () => void;
};

export function createTimers(): Timers {
  const timers = new Set<NodeJS.Timeout>();
  return {
    after: (ms, action) => {
      const timer = setTimeout(() => {
        timers.delete(timer);
        action();
      }, ms);
      timers.add(timer);
      return timer;
    },
    every: (ms, action) => {
      timers.add(setInterval(action, ms));
    },
    end: () => {
      for (const timer of timers) {
        clearTimeout(timer);
      }
      timers.clear();
    },
  };
}
