import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Where every lab of this machine has its directory. Not /tmp: that is node-local inside a lab. */
export const LABS_DIRECTORY = '/var/lib/unet-lab';

/** A process that is still the one meant: pids are reused, a pid with its start time is not. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Clock ticks after boot, field 22 of /proc/PID/stat. */
  readonly startTicks: string;
}

export interface LabUser {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  /** On the file system that all hosts share; the same path inside and outside of the lab. */
  readonly home: string;
}

export interface LabHost {
  readonly name: string;
  readonly address: string;
  /** The host's pid 1, as seen from outside of the lab. */
  readonly init: ProcessIdentity;
}

/** All there is to know about a running lab; kept in its directory, so that another process can attach or sweep. */
export interface LabState {
  readonly root: string;
  /** 'owned' ends with its owner, 'by-hand' with `scripts/lab.sh down`. */
  readonly kind: 'owned' | 'by-hand';
  readonly owner: ProcessIdentity;
  readonly holder: ProcessIdentity;
  readonly init: ProcessIdentity;
  readonly user: LabUser;
  readonly computeHosts: readonly string[];
  readonly submitHost: string;
  readonly options: { readonly ssh: boolean; readonly runtimeDirectory: boolean; readonly cgroups: boolean };
  hosts: Record<string, LabHost>;
}

export function saveState(state: LabState): void {
  writeFileSync(join(state.root, 'lab.json'), `${JSON.stringify(state, null, 2)}\n`);
}

/** @returns undefined when the directory has no readable state: a lab that is just being made, or died then. */
export function loadState(root: string): LabState | undefined {
  try {
    return JSON.parse(readFileSync(join(root, 'lab.json'), 'utf8')) as LabState;
  } catch {
    return undefined;
  }
}

/** @throws when there is no such process. */
export function identify(pid: number): ProcessIdentity {
  const startTicks = startTicksOf(pid);
  if (startTicks === undefined) throw new Error(`no process ${pid}`);
  return { pid, startTicks };
}

export function isAlive(identity: ProcessIdentity): boolean {
  return startTicksOf(identity.pid) === identity.startTicks;
}

/** Ends the process if it is still the one meant; its pid may belong to another by now. */
export function killIdentified(identity: ProcessIdentity): void {
  if (!isAlive(identity)) return;
  try {
    process.kill(identity.pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

function startTicksOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The command name may hold spaces and parentheses: fields are counted after the last one.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19];
  } catch {
    return undefined;
  }
}
