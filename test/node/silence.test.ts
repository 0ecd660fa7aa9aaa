import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { watchSilence } from '../../src/node/silence.ts';

// The clock is the subject here, so it is ours.
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

function watch() {
  const beat = vi.fn();
  const onSilence = vi.fn();
  const silence = watchSilence({ intervalMs: 5000, silenceMs: 30_000, beat, onSilence });
  return { beat, onSilence, ...silence };
}

describe('silence', () => {
  it('is said once, with its seconds, when nothing was heard for so long', () => {
    const { onSilence } = watch();
    vi.advanceTimersByTime(30_000);
    expect(onSilence).not.toHaveBeenCalled();
    vi.advanceTimersByTime(60_000);
    expect(onSilence).toHaveBeenCalledExactlyOnceWith(35);
  });

  it('is none while the other side speaks now and then', () => {
    const { onSilence, heard, beat } = watch();
    for (let minute = 0; minute < 6; minute += 1) {
      vi.advanceTimersByTime(25_000);
      heard();
    }
    expect(onSilence).not.toHaveBeenCalled();
    expect(beat).toHaveBeenCalledTimes(30);
  });

  it('is our own when our process was stopped: the other side gets another chance', () => {
    const { onSilence, heard } = watch();
    vi.advanceTimersByTime(5000);
    // The process is stopped for an hour: no timer fires meanwhile.
    vi.setSystemTime(Date.now());
    const now = performance.now();
    vi.spyOn(performance, 'now').mockReturnValue(now + 3_600_000);
    vi.advanceTimersByTime(5000);
    expect(onSilence).not.toHaveBeenCalled();
    vi.spyOn(performance, 'now').mockReturnValue(now + 3_605_000);
    heard();
    vi.advanceTimersByTime(5000);
    expect(onSilence).not.toHaveBeenCalled();
  });

  it('is not watched any more after stop', () => {
    const { onSilence, stop } = watch();
    stop();
    vi.advanceTimersByTime(3_600_000);
    expect(onSilence).not.toHaveBeenCalled();
  });
});
