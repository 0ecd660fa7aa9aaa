import { getEventListeners } from 'node:events';
import { describe, expect, test } from 'vitest';
import { UnetError } from '../../src/errors.ts';
import { type JoinRetry, joinWithRetries } from '../../src/join/retry.ts';

const failure = (message: string, fatal = false) => new UnetError('UNET_JOIN_FAILED', message, { fatal });
const never = new AbortController().signal;

/** Attempts that fail with these errors, one after the other, then succeed; what happened is in `seen`. */
function joining(errors: Error[], changes: Partial<Parameters<typeof joinWithRetries>[0]> = {}) {
  const seen: string[] = [];
  const retries: JoinRetry[] = [];
  const result = joinWithRetries({
    attempt: async (number) => {
      seen.push(`attempt ${number}`);
      const error = errors[number - 1];
      if (error !== undefined) {
        throw error;
      }
      return 'joined';
    },
    reset: async () => void seen.push('reset'),
    attempts: 5,
    signal: never,
    deadlineMs: 10_000,
    minDelayMs: 1,
    onRetry: (retry) => void retries.push(retry),
    ...changes,
  });
  return { result, seen, retries };
}

describe('joining with retries', () => {
  test('resets between two attempts, and only then', async () => {
    const { result, seen } = joining([failure('one'), failure('two')]);
    expect(await result).toBe('joined');
    expect(seen).toEqual(['attempt 1', 'reset', 'attempt 2', 'reset', 'attempt 3']);
  });

  test('says before each further attempt why, which one failed, and after how long', async () => {
    const { result, retries } = joining([failure('one'), failure('two'), failure('three')], {
      minDelayMs: 10,
    });
    await result;
    expect(retries.map(({ attempt, error }) => [attempt, error.message])).toEqual([
      [1, 'one'],
      [2, 'two'],
      [3, 'three'],
    ]);
    const [first = 0, second, third] = retries.map(({ inMs }) => inMs);
    expect(first).toBeGreaterThanOrEqual(10);
    expect(first).toBeLessThanOrEqual(20);
    expect([second, third]).toEqual([first * 2, first * 4]);
  });

  test('leaves no timer and no listener behind', async () => {
    const { signal } = new AbortController();
    const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
    const before = timers();
    await joining([failure('one')], { signal, deadlineMs: 600_000 }).result;
    expect(getEventListeners(signal, 'abort')).toEqual([]);
    // Other timers of the process may end meanwhile.
    expect(timers()).toBeLessThanOrEqual(before);
  });

  test('goes on when the reset fails, and says that too', async () => {
    const { result, retries } = joining([failure('one')], {
      reset: () => Promise.reject(new Error('no kubeadm')),
    });
    expect(await result).toBe('joined');
    expect(retries[0]?.resetError?.message).toBe('no kubeadm');
  });

  test('gives up after the last attempt, with its error and without another reset', async () => {
    const { result, seen } = joining([failure('one'), failure('two'), failure('three')], { attempts: 2 });
    await expect(result).rejects.toMatchObject({ code: 'UNET_JOIN_FAILED', message: 'two' });
    expect(seen).toEqual(['attempt 1', 'reset', 'attempt 2']);
  });

  test('does not try again what is fatal', async () => {
    const { result, seen } = joining([failure('another CA', true)]);
    await expect(result).rejects.toMatchObject({ message: 'another CA', fatal: true });
    expect(seen).toEqual(['attempt 1']);
  });

  test('ends at the deadline in the middle of an attempt, and says why the one before failed', async () => {
    let attempts = 0;
    const { result } = joining([], {
      deadlineMs: 50,
      attempt: (_, signal) => {
        attempts++;
        return attempts === 1 ? Promise.reject(failure('port in use')) : untilAborted(signal);
      },
    });
    await expect(result).rejects.toMatchObject({
      code: 'UNET_JOIN_TIMEOUT',
      message: 'the node did not join within 0.05 s; the last attempt failed: port in use',
    });
  });

  test('ends at the deadline while it waits for the next attempt', async () => {
    const { result, seen } = joining([failure('one')], { deadlineMs: 50, minDelayMs: 60_000 });
    await expect(result).rejects.toMatchObject({ code: 'UNET_JOIN_TIMEOUT' });
    expect(seen).toEqual(['attempt 1', 'reset']);
  });

  test('ends with the reason of whoever stops it, during an attempt, a reset or a pause', async () => {
    for (const where of ['attempt', 'reset', 'pause'] as const) {
      const controller = new AbortController();
      const stop = () => controller.abort(new Error(`stopped in ${where}`));
      const { result } = joining([], {
        signal: controller.signal,
        minDelayMs: 60_000,
        attempt: (_, signal) => {
          if (where === 'attempt') {
            setImmediate(stop);
            return untilAborted(signal);
          }
          return Promise.reject(failure('one'));
        },
        reset: (signal) => {
          if (where === 'reset') {
            setImmediate(stop);
            return untilAborted(signal);
          }
          return Promise.resolve();
        },
        onRetry: () => void setImmediate(stop),
      });
      await expect(result).rejects.toThrow(`stopped in ${where}`);
      expect(getEventListeners(controller.signal, 'abort')).toEqual([]);
    }
  });
});

function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) =>
    signal.addEventListener('abort', () => reject(new Error('ended by the signal')), { once: true }),
  );
}
