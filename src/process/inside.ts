/** Processes of ours that belong to a node: they work in its directory, or were started by its make. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

// Started from there, but an engine's: they serve containers, one of them those of other jobs, and end with them.
const ENGINE_DAEMONS =
  /^(podman|conmon|aardvark-dns|slirp4netns|pasta|rootlessport|catatonit|fuse-overlayfs|containerd-shim)/;

const GRACE_MS = 2000;
const POLL_MS = 50;

/**
 * Ends every process of this user whose working directory is `directory` or below it: SIGTERM, then SIGKILL. Those of a
 * container engine are left to the engine: without conmon its network would not be taken down in order.
 */
export async function endProcessesIn(directory: string): Promise<void> {
  await endAll(() => processesIn(directory));
}

/**
 * Ends every process of this user that has `variable` (`NAME=VALUE`) in the environment with which it was started, wherever it works now
 * and in whatever session: a target of make may leave daemons. As `endProcessesIn` otherwise. Resolves with those that could not be ended.
 */
export async function endProcessesWith(variable: string): Promise<number[]> {
  return await endAll(() => processesWith(variable));
}

async function endAll(find: () => number[]): Promise<number[]> {
  let deadline = performance.now() + GRACE_MS;
  for (let name: NodeJS.Signals = 'SIGTERM'; ; ) {
    const pids = find();
    if (pids.length === 0) {
      return [];
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
        return pids; // Not even that: it hangs in the kernel, and the teardown will say what it cannot remove.
      }
      name = 'SIGKILL';
      deadline = performance.now() + GRACE_MS;
    }
    await sleep(POLL_MS);
  }
}

/** Synchronous: /proc answers at once, and a thousand questions one by one would each wait for a thread. */
function processesIn(directory: string): number[] {
  return processes((pid) => {
    const cwd = orEmpty(() => readlinkSync(`/proc/${pid}/cwd`));
    return cwd === directory || cwd.startsWith(`${directory}/`);
  });
}

function processesWith(variable: string): number[] {
  return processes((pid) =>
    `\0${orEmpty(() => readFileSync(`/proc/${pid}/environ`, 'utf8'))}`.includes(`\0${variable}\0`),
  );
}

/** Zombies have neither a directory nor an environment. */
function processes(isMeant: (pid: string) => boolean): number[] {
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry) && Number(entry) !== process.pid)
    .filter((entry) => isMeant(entry) && !isEngineDaemon(entry))
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
