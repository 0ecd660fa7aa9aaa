/**
 * A container's process: a group of its own that ends with its first process, as a container does, and with the node,
 * however the node ends.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import which from 'which';

/**
 * Waits for the command, and kills the whole group when descriptor 3 is closed: by the node after the command's end,
 * or by the kernel after the node's. Input is given by descriptor 4, as a shell takes it away from what is in the
 * background.
 */
const script = `trap : TERM INT HUP
exec 4<&0
"$@" <&4 3<&- 4<&- &
child=$!
{ trap '' TERM INT HUP; cat <&3; kill -KILL -- -$$; } >/dev/null 2>&1 4<&- &
exec 3<&- 4<&-
code=0
while kill -0 $child 2>/dev/null; do wait $child; code=$?; done
exit $code`;

export type ContainedProcess = {
  pid: number;
  stdin: Writable | null;
  stdout: Readable;
  stderr: Readable;
  /** Resolves with the exit code when the process and all that it has started are over and their output is read. */
  ended: Promise<number>;
  kill(signal: NodeJS.Signals): void;
};

export type ProcessOptions = {
  argv: readonly string[];
  env: NodeJS.ProcessEnv;
  cwd: string;
  input?: boolean;
};

/** Whether there is such a program; the message is runc's otherwise. */
export function startError({ argv, env }: ProcessOptions): string | undefined {
  const [program = ''] = argv;
  if (which.sync(program, { path: env.PATH ?? '', nothrow: true }) !== null) return undefined;
  return `failed to create containerd task: failed to create shim task: OCI runtime create failed: exec: "${program}": executable file not found in $PATH: unknown`;
}

export function startProcess({ argv, env, cwd, input = false }: ProcessOptions): ContainedProcess {
  const child = spawn('/bin/sh', ['-c', script, 'container', ...argv], {
    env,
    cwd,
    detached: true,
    stdio: [input ? 'pipe' : 'ignore', 'pipe', 'pipe', 'pipe'],
  }) as ChildProcess & { stdout: Readable; stderr: Readable };
  const lifeline = child.stdio[3] as Writable;
  lifeline.on('error', () => {});
  child.stdin?.on('error', () => {});
  child.once('exit', () => lifeline.end());
  return {
    pid: child.pid ?? 0,
    stdin: child.stdin,
    stdout: child.stdout,
    stderr: child.stderr,
    ended: new Promise((resolve) => {
      child.once('error', () => resolve(128));
      child.once('close', (code, signal) => resolve(code ?? (signal === 'SIGKILL' ? 137 : 143)));
    }),
    kill: (signal) => {
      try {
        if (child.pid !== undefined) process.kill(-child.pid, signal);
      } catch {
        // It is over already.
      }
    },
  };
}
