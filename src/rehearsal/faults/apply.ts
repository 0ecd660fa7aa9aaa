import { setTimeout as delay } from 'node:timers/promises';
import { type Fault, modes } from './grammar.ts';
import { countTry } from './tries.ts';

export interface FaultScene {
  /** The `.rehearsal` directory, where tries are counted. */
  rehearsalDirectory: string;
  node: string;
  signal: AbortSignal;
}

/**
 * Lives through what a fault asks before the step itself: its delay, its hang.
 *
 * @returns the mode in which this try has to fail, or undefined when the step may go on
 * @throws the signal's reason when the client went away meanwhile
 */
export async function sufferFault(fault: Fault, scene: FaultScene): Promise<string | undefined> {
  if (fault.delayMs !== undefined) await delay(fault.delayMs, undefined, { signal: scene.signal });
  if (fault.hang) await untilAborted(scene.signal);
  if (fault.fail === undefined || fault.fail === 0) return undefined;
  const before = await countTry(scene.rehearsalDirectory, scene.node, fault.step);
  return before < fault.fail ? (fault.mode ?? modes[fault.step][0]) : undefined;
}

/**
 * Waits for what is left of the time that a step takes in all.
 *
 * @param startedAt when the step began, milliseconds since the epoch
 * @throws the signal's reason when the client went away meanwhile
 */
export async function takeItsTime({ takeMs }: Fault, startedAt: number, signal: AbortSignal): Promise<void> {
  if (takeMs !== undefined) await untilDue(startedAt + takeMs, signal);
}

/**
 * Waits until a moment, milliseconds since the epoch; not at all when it is over.
 *
 * @throws the signal's reason when it is aborted meanwhile
 */
export async function untilDue(due: number, signal: AbortSignal): Promise<void> {
  const rest = due - Date.now();
  if (rest > 0) await delay(rest, undefined, { signal });
}

/** Never returns: rejects with the signal's reason, while a timer keeps the process alive. */
function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const alive = setInterval(() => {}, 60_000);
    const stop = () => {
      clearInterval(alive);
      reject(signal.reason);
    };
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
  });
}
