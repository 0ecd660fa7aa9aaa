/** Ending a process group: SIGTERM, a grace, SIGKILL. */
import { setTimeout as sleep } from 'node:timers/promises';

const DEFAULT_GRACE_MS = 3000;
const POLL_MS = 20;

/** Resolves when no process of group `pgid` is left, or the kernel would not let us signal it. */
export async function endGroup(pgid: number | undefined, graceMs = DEFAULT_GRACE_MS): Promise<void> {
  if (pgid === undefined || !signalGroup(pgid, 'SIGTERM')) {
    return;
  }
  const deadline = performance.now() + graceMs;
  while (performance.now() < deadline) {
    await sleep(POLL_MS);
    if (!signalGroup(pgid, 0)) {
      return;
    }
  }
  signalGroup(pgid, 'SIGKILL');
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
