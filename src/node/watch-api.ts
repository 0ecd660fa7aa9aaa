/** An API server that stays away is said, and that it is back. */
import { setTimeout as sleep } from 'node:timers/promises';
import { errorMessage, UnetError } from '../errors.ts';
import { withDeadline } from '../process/deadline.ts';

export type ApiWatch = {
  /** Rejects when the API server does not answer. */
  ask: (signal: AbortSignal) => Promise<void>;
  /** Milliseconds between two questions, and for one. */
  everyMs: number;
  /** After how long without an answer it counts as away. */
  awayMs: number;
  /** Called at each change. @param message why it does not answer, in one line. */
  onChange: (answers: boolean, message: string) => void;
  signal: AbortSignal;
};

/** Until `signal` aborts; then it resolves. */
export async function watchApi({ ask, everyMs, awayMs, onChange, signal }: ApiWatch): Promise<void> {
  let answered = performance.now();
  let isAway = false;
  while (!signal.aborted) {
    try {
      await withDeadline(everyMs, signal, ask, silent);
      answered = performance.now();
      if (isAway) {
        isAway = false;
        onChange(true, '');
      }
    } catch (error) {
      if (!signal.aborted && !isAway && performance.now() - answered > awayMs) {
        isAway = true;
        onChange(false, errorMessage(error).split('\n', 1)[0] ?? '');
      }
    }
    await sleep(everyMs, undefined, { signal }).catch(() => {});
  }
}

function silent(): UnetError {
  return new UnetError('UNET_STEP_TIMEOUT', 'no answer');
}
