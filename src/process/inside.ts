/** Processes of ours that work in a directory: what a killed agent's make is still doing there. */
import { readdir, readFile, readlink } from 'node:fs/promises';
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
      const inside = cwd === directory || cwd.startsWith(`${directory}/`);
      return inside && !(await isEngineDaemon(entry)) ? Number(entry) : undefined;
    }),
  );
  return found.flatMap((pid) => (pid === undefined || pid === process.pid ? [] : [pid]));
}

async function isEngineDaemon(pid: string): Promise<boolean> {
  return ENGINE_DAEMONS.test(await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => ''));
}
