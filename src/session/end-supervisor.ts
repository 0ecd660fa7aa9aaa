/** Ending a supervisor that does not answer: by its process. */
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { readState } from '../job/state.ts';
import { isSameProcess } from '../process/identity.ts';

const POLL_MS = 50;

/** SIGTERM, then SIGKILL after `graceMs`. Nothing when `stateFile` names none that lives on this host. */
export async function endSupervisor(stateFile: string, graceMs: number): Promise<void> {
  const supervisor = (await readState(stateFile).catch(() => undefined))?.supervisor;
  if (supervisor === undefined || supervisor.host !== hostname()) {
    return;
  }
  const { pid } = supervisor;
  const deadline = performance.now() + graceMs;
  for (let signal: NodeJS.Signals = 'SIGTERM'; isSameProcess(supervisor); signal = 'SIGKILL') {
    try {
      process.kill(pid, signal);
    } catch {
      return; // It has just ended.
    }
    while (isSameProcess(supervisor) && (signal === 'SIGKILL' || performance.now() < deadline)) {
      await sleep(POLL_MS);
    }
  }
}
