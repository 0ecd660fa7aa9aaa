/** Ending a process group: SIGTERM, a grace, SIGKILL. */
import { readdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { isLivingState, processState } from './alive.ts';

const DEFAULT_GRACE_MS = 3000;
// A killed process is gone at once, unless it waits for a disk or a file server that does not answer.
const KILL_MS = 2000;
const FIRST_POLL_MS = 10;
const MAX_POLL_MS = 200;

/** Resolves when no process of group `pgid` is left, or the kernel would not let us signal it. */
export async function endGroup(pgid: number | undefined, graceMs = DEFAULT_GRACE_MS): Promise<void> {
  if (pgid === undefined || !signalGroup(pgid, 'SIGTERM')) {
    return;
  }
  if (await isGone(pgid, graceMs)) {
    return;
  }
  signalGroup(pgid, 'SIGKILL');
  await isGone(pgid, KILL_MS);
}

/** False when the group is gone. */
export function signalGroup(pgid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    process.kill(-pgid, signal);
    return true;
  } catch {
    return false;
  }
}

async function isGone(pgid: number, withinMs: number): Promise<boolean> {
  const deadline = performance.now() + withinMs;
  for (let pollMs = FIRST_POLL_MS; performance.now() < deadline; pollMs = Math.min(2 * pollMs, MAX_POLL_MS)) {
    await sleep(Math.min(pollMs, deadline - performance.now()));
    if (!signalGroup(pgid, 0) || !hasLivingMember(pgid)) {
      return true;
    }
  }
  return false;
}

function hasLivingMember(pgid: number): boolean {
  return readdirSync('/proc').some((name) => {
    const process = /^\d/.test(name) ? processState(name) : undefined;
    return process?.group === pgid && isLivingState(process);
  });
}
