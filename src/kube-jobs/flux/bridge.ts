/** The program that speaks libflux for the daemon: unet_kube_bridge.py, run by Flux's own Python. */
import { fileURLToPath } from 'node:url';
import { UnetError } from '../../errors.ts';
import { FLUX_COMMAND } from '../../flux/flux.ts';
import type { Environment } from '../../process/environment.ts';
import { type LinesChild, startLines } from '../../process/start.ts';

/** One entry of a job's eventlog (RFC 21). */
export type JobEvent = {
  /** Decimal. */
  id: string;
  f58: string;
  name: string;
  /** Seconds since the epoch. */
  timestamp: number;
  context: Record<string, unknown>;
  /** With `submit`. */
  jobspec?: unknown;
};

export type Bridge = {
  /** Appends to the output of a job that has not ended. Resolves when Flux has it, or has refused. */
  write: (id: string, stream: 'stdout' | 'stderr', data: string) => Promise<void>;
  /** Resolves when what is past has been told. */
  current: Promise<void>;
  /** How the program has ended: the instance, mostly. */
  ended: LinesChild['ended'];
  close: () => Promise<void>;
};

const GRACE_MS = 2000;
const TAKEN_EXIT = 3;

/**
 * Starts the program, which takes the instance's one place for a daemon and holds it while it lives.
 *
 * @param options `outputOnly`: no events and no place, for a process that has one job
 * @throws UnetError UNET_KUBE_DAEMON when the place is taken, or the program does not run
 */
export async function startBridge(
  env: Environment,
  onEvent: (event: JobEvent) => void,
  onErrorLine: (line: string) => void,
  { outputOnly = false }: { outputOnly?: boolean } = {},
): Promise<Bridge> {
  const said: string[] = [];
  const waiting = new Map<number, () => void>();
  let sequence = 0;
  const ready = withResolvers();
  const current = withResolvers();
  const child = startLines(
    [
      FLUX_COMMAND,
      'python',
      fileURLToPath(new URL('./unet_kube_bridge.py', import.meta.url)),
      ...(outputOnly ? ['--output-only'] : []),
    ],
    {
      env,
      onLine: (line) => {
        // A site's Python may say something of its own.
        if (!line.startsWith('{')) {
          onErrorLine(line);
          return;
        }
        const message = JSON.parse(line) as JobEvent & { ready?: true; current?: true; written?: number };
        if (message.written !== undefined) {
          waiting.get(message.written)?.();
          waiting.delete(message.written);
        } else if (message.ready === true) {
          ready.resolve();
        } else if (message.current === true) {
          current.resolve();
        } else {
          onEvent(message);
        }
      },
      onErrorLine: (line) => {
        said.push(line);
        onErrorLine(line);
      },
    },
  );
  const ended = child.ended.then((how) => {
    for (const resolve of waiting.values()) {
      resolve();
    }
    current.resolve();
    return how;
  });
  const early = await Promise.race([ready.promise.then(() => undefined), ended]);
  if (early !== undefined) {
    throw notStarted(early, said);
  }
  return {
    write: async (id, stream, data) => {
      sequence += 1;
      const seq = sequence;
      const written = withResolvers();
      waiting.set(seq, written.resolve);
      if (child.send(JSON.stringify({ seq, id, stream, data }))) {
        await written.promise;
      }
    },
    current: current.promise,
    ended,
    close: async () => {
      child.endInput();
      await child.terminate(GRACE_MS);
    },
  };
}

function notStarted(
  { reason, exitCode, startError }: Awaited<LinesChild['ended']>,
  said: readonly string[],
): UnetError {
  if (exitCode === TAKEN_EXIT) {
    return new UnetError('UNET_KUBE_DAEMON', 'this instance already has a daemon', {
      fatal: true,
      remedy: 'nothing needs to be done; to start another one, end that one first',
    });
  }
  return new UnetError('UNET_KUBE_DAEMON', `flux python ${startError ?? reason}`, {
    tail: said.slice(-12),
    remedy:
      'check that "flux python -c \'import flux.job\'" works and that you own the instance; Flux 0.68 or later is needed',
  });
}

/** Promise.withResolvers, which Node 20 does not have. */
function withResolvers(): { promise: Promise<void>; resolve: () => void } {
  let resolve = () => {};
  const promise = new Promise<void>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}
