/** Ending a supervisor that does not answer: by its process. */
import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { readState } from '../job/state.ts';
import { isAlive } from '../process/alive.ts';

const POLL_MS = 50;

/** SIGTERM, then SIGKILL after `graceMs`. Nothing when `stateFile` names none that lives on this host. */
export async function endSupervisor(stateFile: string, graceMs: number): Promise<void> {
  const supervisor = (await readState(stateFile).catch(() => undefined))?.supervisor;
  if (supervisor === undefined || supervisor.host !== hostname()) {
    return;
  }
  const { pid } = supervisor;
  const deadline = performance.now() + graceMs;
  for (let signal: NodeJS.Signals = 'SIGTERM'; await isSupervisor(pid); signal = 'SIGKILL') {
    try {
      process.kill(pid, signal);
    } catch {
      return; // It has just ended.
    }
    while ((await isSupervisor(pid)) && (signal === 'SIGKILL' || performance.now() < deadline)) {
      await sleep(POLL_MS);
    }
  }
}

async function isSupervisor(pid: number): Promise<boolean> {
  const command = (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).split('\0');
  return command.includes('supervisor') && isAlive(pid);
}
