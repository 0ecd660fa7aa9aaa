/** Ending a supervisor that does not answer: by its process. */
import { setTimeout as sleep } from 'node:timers/promises';
import { readState } from '../job/state.ts';
import { supervisorRunsHere } from '../job/supervisor.ts';

const POLL_MS = 50;

/** SIGTERM, then SIGKILL after `graceMs`. Nothing when `stateFile` names none that lives on this host. */
export async function endSupervisor(stateFile: string, graceMs: number): Promise<void> {
  const state = await readState(stateFile).catch(() => undefined);
  if (state === undefined) {
    return;
  }
  const { pid } = state.supervisor;
  const deadline = performance.now() + graceMs;
  for (let signal: NodeJS.Signals = 'SIGTERM'; supervisorRunsHere(state); signal = 'SIGKILL') {
    try {
      process.kill(pid, signal);
    } catch {
      return; // It has just ended.
    }
    while (supervisorRunsHere(state) && (signal === 'SIGKILL' || performance.now() < deadline)) {
      await sleep(POLL_MS);
    }
  }
}
