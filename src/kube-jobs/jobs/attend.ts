/** A job whose objects are there, until it ends: its lines, its outcome, its walltime. */

import { MAX_DURATION_MS } from '../../setting/duration.ts';
import type { Outcome } from '../follow/ending.ts';
import { endsByItself } from '../follow/ending.ts';
import type { Follower, JobListeners } from '../follow/follower.ts';
import type { JobRecord } from './record.ts';

export type Ending =
  | ({ type: 'ended' } & Outcome)
  /** `serving`: nothing in it ends by itself, so this is its proper end, and no failure. */
  | { type: 'walltime'; serving: boolean };

export type AttendOptions = {
  logs: boolean;
  logsSince?: string | undefined;
  onLine: JobListeners['onLine'];
  /** Milliseconds since the epoch; undefined: no limit. */
  walltimeEnd: number | undefined;
  signal: AbortSignal;
};

/** Rejects with the signal's reason. */
export async function attendJob(
  follower: Follower,
  record: JobRecord,
  options: AttendOptions,
): Promise<Ending> {
  const { logs, logsSince, onLine, walltimeEnd, signal } = options;
  let timer: NodeJS.Timeout | undefined;
  let onAbort = () => {};
  try {
    return await new Promise<Ending>((resolve, reject) => {
      onAbort = () => reject(signal.reason);
      signal.throwIfAborted();
      signal.addEventListener('abort', onAbort, { once: true });
      const wait = () => {
        const left = (walltimeEnd ?? Number.POSITIVE_INFINITY) - Date.now();
        if (left <= 0) {
          resolve({ type: 'walltime', serving: !record.list.items.some(endsByItself) });
        } else if (Number.isFinite(left)) {
          timer = setTimeout(wait, Math.min(left, MAX_DURATION_MS));
        }
      };
      wait();
      follower.add({
        record,
        logs,
        logsSince,
        onLine,
        onEnd: (outcome) => resolve({ type: 'ended', ...outcome }),
      });
    });
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', onAbort);
    follower.remove(record.id);
  }
}
