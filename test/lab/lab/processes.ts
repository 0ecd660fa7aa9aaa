import { readdirSync, readFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { LabHost, LabUser } from './state.ts';

export interface HostProcess {
  /** As on the host. */
  readonly pid: number;
  /** Its parent's, on the host. */
  readonly parent: number;
  /** 'root', the lab's user, or a number. */
  readonly user: string;
  /** Arguments joined by spaces; the name in brackets when it has none (a zombie). */
  readonly command: string;
}

/** What a host keeps to itself; all other places are shared by all hosts, as on a diskless cluster. */
export const NODE_LOCAL_PLACES = ['/tmp', '/var/tmp', '/dev/shm', '/run/user', '/run/lock'];

/** All processes on a host but its pid 1 and what keeps that waiting; also daemons, and those of nested namespaces. */
export function processesOf(host: LabHost, user: LabUser): HostProcess[] {
  const proc = `/proc/${host.init.pid}/root/proc`;
  const processes: HostProcess[] = [];
  for (const name of readdirSync(proc)) {
    if (!/^\d+$/.test(name) || name === '1') continue;
    try {
      const status = readFileSync(join(proc, name, 'status'), 'utf8');
      const uid = Number(/^Uid:\s+(\d+)/m.exec(status)?.[1]);
      const argv = readFileSync(join(proc, name, 'cmdline'), 'utf8')
        .split('\0')
        .filter(Boolean)
        .join(' ');
      const command = argv || `[${/^Name:\s+(.*)$/m.exec(status)?.[1]}]`;
      if (command === 'sleep infinity' && /^PPid:\s+1$/m.test(status) && uid === 0) continue;
      const parent = Number(/^PPid:\s+(\d+)$/m.exec(status)?.[1]);
      processes.push({ pid: Number(name), parent, user: nameOf(uid, user), command });
    } catch {
      // It ended between listing and reading.
    }
  }
  return processes;
}

/** Files and directories below a host's node-local places, as absolute paths of the host, sorted. */
export async function filesOf(
  host: LabHost,
  roots: readonly string[] = NODE_LOCAL_PLACES,
): Promise<string[]> {
  const hostRoot = `/proc/${host.init.pid}/root`;
  const found = await Promise.all(
    roots.map(async (place) => {
      const entries = await readdir(join(hostRoot, place), { recursive: true }).catch((error) => {
        if (error.code === 'ENOENT') return [];
        throw error;
      });
      return entries.map((entry) => join(place, entry));
    }),
  );
  return found.flat().sort();
}

/** The pid by which a process of this machine is known on its host (the innermost pid namespace). */
export function pidOnHost(pid: number): number | undefined {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    return Number(/^NSpid:\s+(.*)$/m.exec(status)?.[1]?.split('\t').at(-1));
  } catch {
    return undefined;
  }
}

function nameOf(uid: number, user: LabUser): string {
  if (uid === 0) return 'root';
  return uid === user.uid ? user.name : String(uid);
}
