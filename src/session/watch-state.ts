/** The job's state at each change, as the file shows it: also on hosts where the supervisor is not. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { JobState } from '../job/state.ts';
import { findState } from '../launch/find-state.ts';
import type { Job } from './job.ts';

// The file may be on another host's disk: a change is not announced there, so it is asked for.
const POLL_MS = 500;

/** Yields each state that differs from the one before in more than its signs of life; ends when the cluster is gone. */
export async function* watchState(job: Job, signal: AbortSignal): AsyncIterable<JobState> {
  let last = essence((await findState(job))?.state);
  while (!signal.aborted) {
    await sleep(POLL_MS, undefined, { signal }).catch(() => {});
    const state = (await findState(job))?.state;
    if (state === undefined) {
      return;
    }
    if (essence(state) !== last) {
      last = essence(state);
      yield state;
    }
    if (state.phase === 'stopped') {
      return;
    }
  }
}

function essence(state: JobState | undefined): string {
  return JSON.stringify({ ...state, supervisor: undefined });
}
