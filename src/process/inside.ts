/** Processes of ours that work in a directory: what a killed agent's make is still doing there. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

// Started from there, but an engine's: they serve containers, one of them those of other jobs, and end with them.
const ENGINE_DAEMONS =
  /^(conmon|aardvark-dns|slirp4netns|pasta|rootlessport|catatonit|fuse-overlayfs|containerd-shim)/;

const GRACE_MS = 2000;
const POLL_MS = 50;

/**
 * Ends every process of this user whose working directory is `directory` or below it: SIGTERM, then SIGKILL. Those of a
 * container engine are left to the engine: without conmon its network would not be taken down in order.
 */
export async function endProcessesIn(directory: string): Promise<void> {
  const deadline = performance.now() + GRACE_MS;
  for (let name: NodeJS.Signals = 'SIGTERM'; ; ) {
    const pids = processesIn(directory);
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

/** Synchronous: /proc answers at once, and a thousand questions one by one would each wait for a thread. */
function processesIn(directory: string): number[] {
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry) && Number(entry) !== process.pid)
    .filter((entry) => {
      const cwd = orEmpty(() => readlinkSync(`/proc/${entry}/cwd`));
      return (cwd === directory || cwd.startsWith(`${directory}/`)) && !isEngineDaemon(entry);
    })
    .map(Number);
}

function isEngineDaemon(pid: string): boolean {
  return ENGINE_DAEMONS.test(orEmpty(() => readFileSync(`/proc/${pid}/comm`, 'utf8')));
}

/** A foreign process's link cannot be read, and one that has ended has none; proc(5). */
function orEmpty(read: () => string): string {
  try {
    return read();
  } catch {
    return '';
  }
}
