/** Ending an agent from outside. */
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { isAlive } from '../process/alive.ts';

const POLL_MS = 50;
// What a SIGKILL does not end hangs in the kernel, or is another user's process that looks like an agent.
const KILL_MS = 2000;

/**
 * Lets an agent of `jobId` take its node away by itself: cleaning behind its back, it might start what was just removed. Killed when
 * it has not within `timeoutMs`. Nothing when `pid` is no agent of that job.
 */
export async function endAgent(pid: number | undefined, jobId: string, timeoutMs: number): Promise<void> {
  if (pid === undefined || !(await isAgent(pid, jobId))) {
    return;
  }
  signal(pid, 'SIGTERM');
  const deadline = performance.now() + timeoutMs;
  while ((await isAgent(pid, jobId)) && performance.now() < deadline + KILL_MS) {
    if (performance.now() > deadline) {
      // A stopped one has not even seen the SIGTERM.
      signal(pid, 'SIGKILL');
    }
    await sleep(POLL_MS);
  }
}

/** Whether `pid` is a living agent of this job, and not another process that has got its number. */
export async function isAgent(pid: number, jobId: string): Promise<boolean> {
  const command = (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).split('\0');
  return pid !== process.pid && command.includes('agent') && command.includes(jobId) && isAlive(pid);
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It has just ended.
  }
}
