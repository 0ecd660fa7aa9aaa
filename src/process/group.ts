/** Ending a process group: SIGTERM, a grace, SIGKILL. */
import { setTimeout as sleep } from 'node:timers/promises';

const DEFAULT_GRACE_MS = 3000;
const POLL_MS = 20;
// A killed process is gone at once, unless it waits for a disk or a file server that does not answer.
const KILL_MS = 2000;

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

async function isGone(pgid: number, withinMs: number): Promise<boolean> {
  const deadline = performance.now() + withinMs;
  while (performance.now() < deadline) {
    await sleep(POLL_MS);
    if (!signalGroup(pgid, 0)) {
      return true;
    }
  }
  return false;
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
