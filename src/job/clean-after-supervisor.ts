/** The lead's agent removes the job's files when the supervisor has died: no secret of the job stays behind. */
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { isAlive } from '../process/alive.ts';
import type { JobPaths } from './layout.ts';
import { endJob } from './remove-job.ts';
import { readState } from './state.ts';

// A supervisor that got the same signal needs this long for its own end.
const SUPERVISOR_END_MS = 5000;
const POLL_MS = 100;

export type AfterSupervisor = {
  jobId: string;
  /** Of the bring-up that has ended: another one may have begun. */
  nonce: string;
  keepLogs: boolean;
  reason: string;
  /** This one. */
  host: string;
};

/** Waits for the supervisor's own end where it can be seen, then removes what the supervisor would have removed. */
export async function cleanAfterSupervisor(
  paths: JobPaths,
  { jobId, nonce, keepLogs, reason, host }: AfterSupervisor,
): Promise<void> {
  const state = await readState(paths.state).catch(() => undefined);
  if (state === undefined || state.phase === 'stopped') {
    return;
  }
  const supervisedHere = state.supervisor.host === host;
  const deadline = performance.now() + SUPERVISOR_END_MS;
  while (supervisedHere && isAlive(state.supervisor.pid)) {
    if (performance.now() > deadline) {
      return; // It lives and has received our bye: the rest is its own.
    }
    await sleep(POLL_MS);
  }
  const current = (await readFile(paths.nonce, 'utf8').catch(() => '')).trim();
  if ((await readState(paths.state).catch(() => undefined))?.phase !== 'stopped' && current === nonce) {
    await endJob(paths, { jobId, state, keepLogs, reason, supervisedHere });
  }
}
