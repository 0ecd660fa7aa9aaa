/** Ending an agent from outside. It is known by what it has written about itself: its pid and when it was started. */
import { setTimeout as sleep } from 'node:timers/promises';
import { isSameProcess } from '../process/identity.ts';

const POLL_MS = 50;
// What a SIGKILL does not end hangs in the kernel.
const KILL_MS = 2000;

export type AgentProcess = { pid: number; start?: string | undefined };

/**
 * Lets the agent take its node away by itself: an agent that is cleaned behind its back might start again what was just removed.
 * Killed when it has not ended within `timeoutMs`. Nothing when it does not run.
 */
export async function endAgent(agent: AgentProcess | undefined, timeoutMs: number): Promise<void> {
  if (agent === undefined || agent.pid === process.pid || !isSameProcess(agent)) {
    return;
  }
  signal(agent.pid, 'SIGTERM');
  const deadline = performance.now() + timeoutMs;
  while (isSameProcess(agent) && performance.now() < deadline + KILL_MS) {
    if (performance.now() > deadline) {
      // A stopped one has not even received the SIGTERM.
      signal(agent.pid, 'SIGKILL');
    }
    await sleep(POLL_MS);
  }
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It has just ended.
  }
}
