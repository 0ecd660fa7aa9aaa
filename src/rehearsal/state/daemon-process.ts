import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Project } from './project.ts';

/** The word in a daemon's command line by which it can be recognised. */
export const daemonMark = 'unet-rehearsal-node';

/** The arguments that tell a daemon's project and release directory, and by which `down` finds it. */
export function daemonArguments(project: Project): string[] {
  return [`--project=${project.name}`, `--directory=${project.directory}`];
}

/**
 * The running daemons of a project: the one of the pid file, and any that /proc shows with the same
 * project and directory (the directory may have been deleted and staged again meanwhile). A pid counts
 * only with the right command line: it may belong to another process by now.
 */
export function findDaemons(project: Project): number[] {
  const recorded = recordedPid(project);
  if (recorded !== undefined && isDaemonOf(recorded, project)) return [recorded];
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => isDaemonOf(pid, project));
}

/** Ends the processes: TERM, and KILL for what is still there after the grace, in milliseconds. */
export async function endProcesses(pids: readonly number[], project: Project, graceMs = 3000): Promise<void> {
  const left = () => pids.filter((pid) => isDaemonOf(pid, project));
  for (const [signal, patience] of [
    ['SIGTERM', graceMs],
    ['SIGKILL', 5000],
  ] as const) {
    for (const pid of left()) send(pid, signal);
    for (let waited = 0; left().length > 0 && waited < patience; waited += 10) await delay(10);
  }
}

function recordedPid(project: Project): number | undefined {
  try {
    const pid = Number(readFileSync(path.join(project.stateDirectory, 'pid'), 'utf8'));
    return Number.isInteger(pid) && pid > 1 ? pid : undefined;
  } catch {
    return undefined;
  }
}

function isDaemonOf(pid: number, project: Project): boolean {
  try {
    const argv = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
    return (
      argv.some((argument) => argument.includes(daemonMark)) &&
      daemonArguments(project).every((argument) => argv.includes(argument))
    );
  } catch {
    return false;
  }
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It ended between the look and the signal.
  }
}
