/** Running a child process to its end. Only the files of src/process spawn. */
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { stripVTControlCharacters } from 'node:util';
import { UnetError } from '../errors.ts';
import type { Environment } from './environment.ts';
import { endGroup } from './group.ts';
import { redact } from './redact.ts';

export type RunOptions = {
  env: Environment;
  cwd?: string | undefined;
  /** Milliseconds until the whole process group is ended. */
  timeoutMs: number;
  signal?: AbortSignal | undefined;
  /** Text for standard input; nothing is /dev/null. */
  input?: string | undefined;
  /** Each line of stdout and stderr as it comes, without its line end. */
  onLine?: ((line: string, stream: 'stdout' | 'stderr') => void) | undefined;
  /** Milliseconds between SIGTERM and SIGKILL. */
  graceMs?: number | undefined;
};

export type RunResult = {
  argv: readonly string[];
  exitCode: number | undefined;
  signal: string | undefined;
  stdout: string;
  stderr: string;
  timedOut: boolean;
  aborted: boolean;
  /** Milliseconds. */
  ms: number;
};

// Enough for any step's output; of more, the end stays, which says why something failed. The log has it all.
const MAX_OUTPUT_CHARS = 4 * 1024 * 1024;
// A progress bar may go on without a line end.
const MAX_LINE_CHARS = 64 * 1024;
// What is still in the pipes when the program has ended is read within this time.
const READ_ON_MS = 500;
// Of a line in an error: it is for a person to read.
const MAX_TAIL_CHARS = 500;

/**
 * Runs `argv` without a shell in a process group of its own, and resolves when it has ended, whatever its
 * exit code. On time-out and abort the whole group is ended, so no grandchild survives.
 *
 * @throws UnetError UNET_TOOL_MISSING when the program is not there or not executable.
 */
export async function run(argv: readonly string[], options: RunOptions): Promise<RunResult> {
  const [file, ...args] = argv;
  if (file === undefined) {
    throw new TypeError('run: empty argv');
  }
  options.signal?.throwIfAborted();
  const { execa } = await import('execa');
  options.signal?.throwIfAborted();
  const started = performance.now();
  const output = { stdout: '', stderr: '' };
  const child = execa(file, args, {
    env: options.env,
    extendEnv: false,
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    ...(options.input === undefined ? { stdin: 'ignore' } : { input: options.input }),
    detached: true,
    cleanup: false,
    reject: false,
    buffer: false,
    stripFinalNewline: false,
  });
  const read = (['stdout', 'stderr'] as const).map((name) =>
    collect(
      child[name],
      (text) => {
        const all = output[name] + text;
        output[name] = all.length > 2 * MAX_OUTPUT_CHARS ? all.slice(-MAX_OUTPUT_CHARS) : all;
      },
      options.onLine && ((line) => options.onLine?.(line, name)),
    ),
  );
  let timedOut = false;
  let aborted = false;
  let ending: Promise<void> | undefined;
  const end = () => {
    ending ??= endGroup(child.pid, options.graceMs);
  };
  const timer = setTimeout(() => {
    timedOut = true;
    end();
  }, options.timeoutMs);
  const onAbort = () => {
    aborted = true;
    end();
  };
  options.signal?.addEventListener('abort', onAbort, { once: true });
  try {
    const ended = child.pid === undefined ? undefined : await once(child, 'exit');
    if (ended === undefined) {
      const result = await child;
      throw startFailure(file, result.code, result, options.cwd);
    }
    const [exitCode, signal] = ended as [number | null, string | null];
    // A surviving grandchild that kept the pipe must not keep us: what it says later is nobody's.
    await Promise.race([Promise.all(read), after(READ_ON_MS)]);
    child.stdout?.destroy();
    child.stderr?.destroy();
    await ending;
    return {
      argv,
      exitCode: exitCode ?? undefined,
      signal: signal ?? undefined,
      stdout: output.stdout.slice(-MAX_OUTPUT_CHARS),
      stderr: output.stderr.slice(-MAX_OUTPUT_CHARS),
      timedOut,
      aborted,
      ms: performance.now() - started,
    };
  } finally {
    clearTimeout(timer);
    options.signal?.removeEventListener('abort', onAbort);
  }
}

/** As `run`, but anything else than exit code 0 is an error that says command, code and the last lines. */
export async function runOk(argv: readonly string[], options: RunOptions): Promise<RunResult> {
  const result = await run(argv, options);
  if (result.exitCode !== 0) {
    throw new UnetError('UNET_STEP_FAILED', `${argv[0]} ${describeEnd(result, options.timeoutMs)}`, {
      tail: lastLines(result.stderr || result.stdout),
    });
  }
  return result;
}

/** "exited with 2", "was ended by SIGKILL", "took longer than 10 s". */
export function describeEnd(result: RunResult, timeoutMs: number): string {
  if (result.timedOut) {
    return `took longer than ${timeoutMs / 1000} s`;
  }
  if (result.aborted) {
    return 'was interrupted';
  }
  return result.signal === undefined ? `exited with ${result.exitCode}` : `was ended by ${result.signal}`;
}

/** The last `count` lines that say something, without carriage returns, colours and secrets. */
export function lastLines(text: string, count = 12): string[] {
  return redact(stripVTControlCharacters(text))
    .split(/\r?\n|\r/)
    .map((line) => line.trimEnd())
    .filter((line) => line.trim() !== '')
    .slice(-count)
    .map((line) => (line.length > MAX_TAIL_CHARS ? `${line.slice(0, MAX_TAIL_CHARS)}…` : line));
}

/** A line without terminal escapes and trailing blanks. */
export function plain(line: string): string {
  return stripVTControlCharacters(line).trimEnd();
}

async function collect(
  stream: NodeJS.ReadableStream | null,
  onText: (text: string) => void,
  onLine: ((line: string) => void) | undefined,
): Promise<void> {
  if (stream === null) {
    return;
  }
  stream.setEncoding('utf8');
  let rest = '';
  try {
    for await (const chunk of stream) {
      const text = String(chunk);
      onText(text);
      if (onLine !== undefined) {
        const lines = (rest + text).split('\n');
        rest = lines.pop() ?? '';
        for (const line of lines) {
          onLine(line);
        }
        if (rest.length > MAX_LINE_CHARS) {
          onLine(rest);
          rest = '';
        }
      }
    }
  } catch {
    // The stream was destroyed with its process; the result tells what happened.
  }
  if (rest !== '') {
    onLine?.(rest);
  }
}

/** A program that unet needs is not there. */
export function toolMissing(
  file: string,
  what = 'was not found on PATH',
  cause?: unknown,
  instead?: string,
): UnetError {
  const also = instead === undefined ? '' : `, on every node; ${instead}`;
  return new UnetError('UNET_TOOL_MISSING', `${file} ${what}`, {
    cause,
    fatal: true,
    remedy: `install ${file}, or load the module that provides it${also}`,
  });
}

/** What it means that `file` could not be started at all. */
export function startFailure(
  file: string,
  code: string | undefined,
  cause: unknown,
  cwd?: string,
): UnetError {
  if (code === 'ENOENT' && cwd !== undefined && !existsSync(cwd)) {
    return new UnetError('UNET_INTERNAL', `${file} could not be started: its directory ${cwd} is gone`, {
      cause,
    });
  }
  if (code === 'ENOENT') {
    return toolMissing(file, 'was not found on PATH', cause);
  }
  if (code === 'EACCES') {
    return toolMissing(file, 'is not executable', cause);
  }
  return new UnetError('UNET_INTERNAL', `${file} could not be started: ${code}`, { cause });
}

function after(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms).unref());
}
