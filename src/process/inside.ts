/** Processes of ours that work in a directory: what a killed agent's make is still doing there. */
import { readdir, readlink } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

const GRACE_MS = 2000;
const POLL_MS = 50;

/** Ends every process of this user whose working directory is `directory` or below it: SIGTERM, then SIGKILL. */
export async function endProcessesIn(directory: string): Promise<void> {
  const deadline = performance.now() + GRACE_MS;
  for (let name: NodeJS.Signals = 'SIGTERM'; ; ) {
    const pids = await processesIn(directory);
    if (pids.length === 0) {
      return;
    }
    for (const pid of pids) {
      try {
        process.kill(pid, name);
      } catch {
        // It has just ended.
      }
    }
    if (performance.now() > deadline) {
      if (name === 'SIGKILL') {
        return; // Not even that: it hangs in the kernel, and the teardown will say what it cannot remove.
      }
      name = 'SIGKILL';
    }
    await sleep(POLL_MS);
  }
}

async function processesIn(directory: string): Promise<number[]> {
  const entries = await readdir('/proc');
  const found = await Promise.all(
    entries.map(async (entry) => {
      // A foreign process's link cannot be read; proc(5).
      const cwd = /^\d+$/.test(entry) ? await readlink(`/proc/${entry}/cwd`).catch(() => '') : '';
      return cwd === directory || cwd.startsWith(`${directory}/`) ? Number(entry) : undefined;
    }),
  );
  return found.flatMap((pid) => (pid === undefined || pid === process.pid ? [] : [pid]));
}
