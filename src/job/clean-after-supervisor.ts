/** The lead's agent removes the job's files when the supervisor has died: no secret of the job stays behind. */
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { JobPaths } from './layout.ts';
import { endJob } from './remove-job.ts';
import { type JobState, readState } from './state.ts';
import { supervisorRunsHere } from './supervisor.ts';

// A supervisor that got the same signal needs this long for its own end.
const SUPERVISOR_END_MS = 5000;
const POLL_MS = 100;

export type AfterSupervisor = {
  jobId: string;
  /** Of the bring-up that has ended: another one may have begun. */
  nonce: string;
  keepLogs: boolean;
  reason: string;
};

/**
 * Waits for the supervisor's own end where it can be seen, then removes what the supervisor would have removed. By the nonce the files
 * are known to be this bring-up's, also where no state can be read.
 */
export async function cleanAfterSupervisor(
  paths: JobPaths,
  { jobId, nonce, keepLogs, reason }: AfterSupervisor,
): Promise<void> {
  const state = await stateOf(paths);
  if (state?.phase === 'stopped' || (await nonceOf(paths)) !== nonce) {
    return;
  }
  const deadline = performance.now() + SUPERVISOR_END_MS;
  while (state !== undefined && supervisorRunsHere(state)) {
    if (performance.now() > deadline) {
      return; // It lives and has received our bye: the rest is its own.
    }
    await sleep(POLL_MS);
  }
  if ((await stateOf(paths))?.phase !== 'stopped' && (await nonceOf(paths)) === nonce) {
    // Without a state nothing says how the bring-up went: its logs may.
    await endJob(paths, { jobId, state, keepLogs: keepLogs || state === undefined, reason });
  }
}

/** Undefined where there is none, or what is there cannot be read or is not a state. */
async function stateOf({ state }: JobPaths): Promise<JobState | undefined> {
  return await readState(state).catch(() => undefined);
}

async function nonceOf({ nonce }: JobPaths): Promise<string> {
  return (await readFile(nonce, 'utf8').catch(() => '')).trim();
}
