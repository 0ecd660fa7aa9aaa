/** Bytes through a child process, of any amount, in little memory: saving and loading images, zstd. */
import { once } from 'node:events';
import { UnetError } from '../errors.ts';
import type { Environment } from './environment.ts';
import { endGroup } from './group.ts';
import { lastLines, startFailure } from './run.ts';

export type PipeOptions = {
  env: Environment;
  cwd?: string | undefined;
  /** What it reads; nothing is /dev/null. */
  input?: AsyncIterable<Uint8Array> | undefined;
  /** Milliseconds until its process group is ended. */
  timeoutMs: number;
  signal?: AbortSignal | undefined;
};

// Why it failed is said at the end.
const MAX_SAID_CHARS = 64 * 1024;

/**
 * Runs `argv` without a shell, and yields what it writes to stdout as it comes: whoever does not read holds it up. It is
 * ended, with its children, when the reader stops early, on time-out and on abort. Input that fails ends it before it
 * sees an end of its input, so that it does not take half for the whole.
 *
 * @throws UnetError UNET_STEP_FAILED or UNET_STEP_TIMEOUT with its last lines, UNET_TOOL_MISSING; what the input throws;
 *   the signal's reason.
 */
export async function* pipe(argv: readonly string[], options: PipeOptions): AsyncGenerator<Buffer> {
  const [file = '', ...args] = argv;
  const { execa } = await import('execa');
  options.signal?.throwIfAborted();
  const child = execa(file, args, {
    env: options.env,
    extendEnv: false,
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    stdin: options.input === undefined ? 'ignore' : 'pipe',
    detached: true,
    cleanup: false,
    reject: false,
    buffer: false,
  });
  if (child.pid === undefined) {
    const result = await child;
    throw startFailure(file, result.code, result, options.cwd);
  }
  const exited = once(child, 'exit') as Promise<[number | null, string | null]>;
  let said = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-MAX_SAID_CHARS);
  });
  let ending: Promise<void> | undefined;
  const end = () => {
    ending ??= endGroup(child.pid).then(() => void child.stdout?.destroy());
  };
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    end();
  }, options.timeoutMs);
  options.signal?.addEventListener('abort', end, { once: true });
  let inputError: unknown;
  const fed = feed(options.input, child.stdin).catch((error: unknown) => {
    inputError = error;
    end();
  });
  let complete = false;
  try {
    try {
      for await (const chunk of child.stdout ?? []) {
        yield chunk as Buffer;
      }
    } catch (error) {
      if (ending === undefined) {
        throw error;
      }
    }
    const [exitCode, signal] = await exited;
    await fed;
    await ending;
    options.signal?.throwIfAborted();
    if (inputError !== undefined) {
      throw inputError;
    }
    if (timedOut || exitCode !== 0) {
      const how = timedOut
        ? `took longer than ${options.timeoutMs / 1000} s`
        : exitCode === null
          ? `was ended by ${signal}`
          : `exited with ${exitCode}`;
      throw new UnetError(timedOut ? 'UNET_STEP_TIMEOUT' : 'UNET_STEP_FAILED', `${describe(argv)} ${how}`, {
        tail: lastLines(said),
      });
    }
    complete = true;
  } finally {
    clearTimeout(timer);
    options.signal?.removeEventListener('abort', end);
    if (!complete) {
      end();
      await ending;
    }
    child.stderr?.destroy();
  }
}

/** As `pipe`, for a program whose output is short: resolves with it. */
export async function pipeInto(argv: readonly string[], options: PipeOptions): Promise<string> {
  let output = '';
  for await (const chunk of pipe(argv, options)) {
    output = (output + chunk.toString('utf8')).slice(-MAX_SAID_CHARS);
  }
  return output;
}

/** Not stream.pipeline: when the input fails that closes stdin, which a child takes for the end of its input. */
async function feed(
  input: AsyncIterable<Uint8Array> | undefined,
  stdin: NodeJS.WritableStream | null,
): Promise<void> {
  if (input === undefined || stdin === null) {
    return;
  }
  let gone = false;
  let wake = () => {};
  // Its reader has ended (EPIPE): its exit code tells why.
  stdin.on('error', () => {
    gone = true;
    wake();
  });
  stdin.on('close', () => {
    gone = true;
    wake();
  });
  stdin.on('drain', () => wake());
  for await (const chunk of input) {
    if (!gone && !stdin.write(chunk)) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
    if (gone) {
      return;
    }
  }
  stdin.end();
}

/** "podman load": its name and first word; the rest may be long. */
function describe([file = '', first]: readonly string[]): string {
  return first === undefined || first.startsWith('-') ? file : `${file} ${first}`;
}
