/** Starting a child that stays: a launcher, or an agent, with a duplex of lines. */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import type { Environment } from './environment.ts';
import { endGroup } from './group.ts';

export type LinesChild = {
  pid: number | undefined;
  /** Writes one line to its standard input; false when that is closed. */
  send: (line: string) => boolean;
  endInput: () => void;
  /** Resolves with how it ended, in words; never rejects. `startError` is an errno name when it never ran. */
  ended: Promise<{ reason: string; exitCode?: number | undefined; startError?: string | undefined }>;
  /** Ends its process group: SIGTERM, then SIGKILL after `graceMs`. */
  terminate: (graceMs: number) => Promise<void>;
};

/** A child with pipes that nobody reads yet. */
export type PipedChild = {
  process: ChildProcessByStdio<Writable, Readable, Readable>;
  /** Why it never ran. */
  startError: () => NodeJS.ErrnoException | undefined;
  ended: () => boolean;
};

/** Starts `argv` in a process group of its own (a Ctrl-C in the terminal is ours to handle, not the child's). */
export function startPiped(
  argv: readonly string[],
  options: { env: Environment; cwd?: string | undefined },
): PipedChild {
  const [file = '', ...args] = argv;
  // child_process itself: a launcher starts at once, before anything else is loaded.
  const child = spawn(file, args, { ...options, detached: true, stdio: ['pipe', 'pipe', 'pipe'] });
  let startError: NodeJS.ErrnoException | undefined;
  child.once('error', (error) => {
    startError = error;
  });
  child.stdin.on('error', () => {}); // EPIPE: its end tells
  const ended = () => child.pid === undefined || child.exitCode !== null || child.signalCode !== null;
  return { process: child, startError: () => startError, ended };
}

/** Starts `argv`, and follows its lines. */
export function startLines(
  argv: readonly string[],
  options: { env: Environment; cwd?: string } & LineListeners,
): LinesChild {
  return followLines(startPiped(argv, { env: options.env, cwd: options.cwd }), options);
}

type LineListeners = { onLine: (line: string) => void; onErrorLine: (line: string) => void };

/** Follows the lines of a child that has been started and not been read from. */
export function followLines(
  { process: child, startError }: PipedChild,
  listeners: LineListeners,
): LinesChild {
  let open = true;
  const close = () => {
    open = false;
  };
  child.stdin.on('error', close);
  child.stdin.on('close', close);
  createInterface({ input: child.stdout }).on('line', listeners.onLine);
  createInterface({ input: child.stderr }).on('line', listeners.onErrorLine);
  return {
    pid: child.pid,
    send: (line) => {
      if (open) {
        child.stdin.write(`${line}\n`);
      }
      return open;
    },
    endInput: () => {
      child.stdin.end();
    },
    ended: new Promise((resolve) => {
      child.once('close', (exitCode, signal) => {
        close();
        if (child.pid === undefined) {
          const code = startError()?.code;
          resolve({ reason: `could not be started (${code})`, startError: code });
          return;
        }
        const reason = signal === null ? `exited with ${exitCode}` : `was ended by ${signal}`;
        resolve({ reason, exitCode: exitCode ?? undefined });
      });
    }),
    terminate: (graceMs) => endGroup(child.pid, graceMs),
  };
}
