/**
 * Noticing that the node's container has ended. Its first process is looked at, which costs nothing; the engine is asked when that
 * process is gone, and from time to time where it cannot be seen from here.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { UnetError } from '../errors.ts';
import { isSameProcess, startOf } from '../process/identity.ts';
import { run } from '../process/run.ts';
import type { Engine } from './engine.ts';
import { containerState, type LookOptions, whyNotRunning } from './running.ts';

export type WatchOptions = LookOptions & {
  signal: AbortSignal;
  /** Milliseconds between two looks at the process. */
  lookMs?: number;
  /** Milliseconds between two questions to the engine, where the process is not seen. */
  askMs?: number;
};

const LOOK_MS = 500;
const ASK_MS = 10_000;

/** Resolves with what the engine says of a container that has ended; rejects with the reason of `signal`. */
export async function containerEnd(
  engine: Pick<Engine, 'command'>,
  options: WatchOptions,
): Promise<UnetError> {
  const { signal, lookMs = LOOK_MS, askMs = ASK_MS } = options;
  let first = await firstProcess(engine, options);
  for (;;) {
    if (first === undefined) {
      await sleep(askMs, undefined, { signal });
    } else {
      while (isSameProcess(first)) {
        await sleep(lookMs, undefined, { signal });
      }
    }
    const problem = await whyNotRunning(engine, options);
    signal.throwIfAborted();
    if (problem !== undefined) {
      return problem;
    }
    // It runs: another process is its first, or the engine has not noticed so far.
    await sleep(lookMs, undefined, { signal });
    first = await firstProcess(engine, options);
  }
}

/** Undefined when the engine does not say, or its processes are in another namespace than this one. */
async function firstProcess(
  engine: Pick<Engine, 'command'>,
  options: WatchOptions,
): Promise<{ pid: number; start: string } | undefined> {
  const { env, timeoutMs, signal } = options;
  const id = (await containerState(engine, options))?.id ?? '';
  if (id === '') {
    return undefined;
  }
  const argv = [...engine.command, 'inspect', '--format', '{{.State.Pid}}', id];
  const inspected = await run(argv, { env, timeoutMs, signal });
  const pid = Number(inspected.stdout.trim());
  const start = inspected.exitCode === 0 && pid > 1 ? startOf(pid) : undefined;
  return start === undefined ? undefined : { pid, start };
}
