/** Noticing that the other side has gone silent, which a kill -9 of srun shows in no other way. */

export type SilenceWatch = { heard: () => void; stop: () => void };

/** Calls `onSilence` once when `heard` was not called for `silenceMs`; calls `beat` every `intervalMs`. */
export function watchSilence(options: {
  intervalMs: number;
  silenceMs: number;
  beat: () => void;
  onSilence: (seconds: number) => void;
}): SilenceWatch {
  let last = performance.now();
  let previousTick = last;
  const timer = setInterval(() => {
    const now = performance.now();
    // Our own process was stopped (SIGSTOP, a suspended laptop): the silence was ours, wait for another interval.
    const wasStopped = now - previousTick > options.intervalMs * 2;
    previousTick = now;
    if (wasStopped) {
      last = Math.max(last, now - options.silenceMs + options.intervalMs * 2);
    }
    if (now - last > options.silenceMs) {
      clearInterval(timer);
      options.onSilence(Math.round((now - last) / 1000));
      return;
    }
    options.beat();
  }, options.intervalMs);
  return {
    heard: () => {
      last = performance.now();
    },
    stop: () => clearInterval(timer),
  };
}
