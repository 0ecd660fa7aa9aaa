/** Starting a child that is let go of: a supervisor, or the agent of a prolog. */
import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process';
import type { Environment } from './environment.ts';

/** Starts `argv` in a session of its own, with no terminal: it outlives this process. What goes wrong is its event `error`. */
export function spawnDetached(
  argv: readonly string[],
  options: { env: Environment; cwd: string; stdio: StdioOptions },
): ChildProcess {
  const [file = '', ...args] = argv;
  // child_process itself: execa waits for its children, and this one must not be waited for.
  const child = spawn(file, args, { ...options, detached: true });
  child.unref();
  return child;
}

/**
 * The same with no input, its output appended to the open file `logFd`. Resolves with its pid.
 *
 * @throws the system error when it cannot be started.
 */
export function startDetached(
  argv: readonly string[],
  { env, cwd, logFd }: { env: Environment; cwd: string; logFd: number },
): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawnDetached(argv, { env, cwd, stdio: ['ignore', logFd, logFd] });
    child.once('error', reject);
    child.once('spawn', () => resolve(child.pid ?? 0));
  });
}
