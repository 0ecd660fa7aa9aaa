/** Starting a child that stays: a launcher, or an agent, with a duplex of lines. */
import { spawn } from 'node:child_process';
import type { Environment } from './environment.ts';
import { endGroup } from './group.ts';
import { readLines } from './lines.ts';

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

/** Starts `argv` in a process group of its own (a Ctrl-C in the terminal is ours to handle, not the child's), and follows its lines. */
export function startLines(
  argv: readonly string[],
  options: {
    env: Environment;
    cwd?: string;
    onLine: (line: string) => void;
    onErrorLine: (line: string) => void;
  },
): LinesChild {
  const [file = '', ...args] = argv;
  const { env, cwd, onLine, onErrorLine } = options;
  // child_process itself: execa would be loaded before the launcher starts.
  const child = spawn(file, args, { env, cwd, detached: true, stdio: ['pipe', 'pipe', 'pipe'] });
  let startError: NodeJS.ErrnoException | undefined;
  child.once('error', (error) => {
    startError = error;
  });
  let open = true;
  const close = () => {
    open = false;
  };
  child.stdin.on('error', close); // EPIPE: the child's end says why
  child.stdin.on('close', close);
  const onTooLong = (start: string) => onErrorLine(`a line that is too long: ${start}…`);
  readLines(child.stdout, { onLine, onTooLong });
  readLines(child.stderr, { onLine: onErrorLine, onTooLong });
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
          const code = startError?.code;
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
