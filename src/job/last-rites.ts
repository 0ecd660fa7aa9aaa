/** What the lead's agent does for a supervisor that has died: no secret of the job stays behind. */
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { writePrivateFile } from '../files/private-file.ts';
import { isAlive } from '../process/alive.ts';
import { buryJob, removeControl } from './bury.ts';
import type { JobPaths } from './layout.ts';
import { type JobState, readState } from './state.ts';

// A supervisor that got the same signal needs this long for its own end.
const SUPERVISOR_END_MS = 5000;
const POLL_MS = 100;

export type LastRites = {
  jobId: string;
  /** Of the bring-up that has ended: another one may have begun. */
  nonce: string;
  keepLogs: boolean;
  reason: string;
  host: string;
};

/** Waits for the supervisor's own end where it can be seen, then removes what it would have removed. */
export async function lastRites(paths: JobPaths, rites: LastRites): Promise<void> {
  const state = await readState(paths.state).catch(() => undefined);
  if (state === undefined || state.phase === 'stopped') {
    return;
  }
  const local = state.supervisor.host === rites.host;
  const deadline = performance.now() + SUPERVISOR_END_MS;
  while (local && isAlive(state.supervisor.pid)) {
    if (performance.now() > deadline) {
      return; // It lives and has seen our bye: the rest is its own.
    }
    await sleep(POLL_MS);
  }
  const nonce = (await readFile(paths.nonce, 'utf8').catch(() => '')).trim();
  if ((await readState(paths.state).catch(() => undefined))?.phase === 'stopped' || nonce !== rites.nonce) {
    return;
  }
  if (local) {
    await removeControl(rites.jobId);
  }
  const ended: JobState = {
    ...state,
    phase: 'stopped',
    since: new Date().toISOString(),
    message: rites.reason,
  };
  if (rites.keepLogs) {
    await writePrivateFile(paths.state, `${JSON.stringify(ended, null, 2)}\n`).catch(() => {});
  }
  await buryJob(paths, { keepLogs: rites.keepLogs });
}
