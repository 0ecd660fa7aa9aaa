/** The user's own command: our terminal, our streams, and signals passed on. */
import { type ChildProcess, spawn } from 'node:child_process';
import { constants } from 'node:os';
import { errnoOf, UnetError } from '../errors.ts';
import { signalGroup } from './group.ts';
import { WORKLOAD_SIGNALS } from './signals.ts';
import { ORIGINAL_UMASK } from './umask.ts';

// After the signal was passed on; then the job's own KillWait would come anyway.
const GRACE_MS = 10_000;
// The terminal gives these to every process in its foreground.
const FROM_TERMINAL = new Set<NodeJS.Signals>(['SIGQUIT', 'SIGWINCH', 'SIGCONT']);

/**
 * Runs `command` in the foreground with the user's own environment and umask, and resolves with its exit code, or
 * 128 + the signal's number. When `signal` aborts, the command gets SIGTERM (in a terminal it has had the Ctrl-C
 * itself), and SIGKILL after ten seconds. Signals for a workload, such as SIGUSR1, are passed on to it.
 *
 * @throws UnetError UNET_COMMAND_NOT_FOUND, exit 127 or 126 as a shell has it.
 */
export function runForeground(
  command: readonly string[],
  options: { env: NodeJS.ProcessEnv; cwd: string; signal: AbortSignal },
): Promise<number> {
  const [file = '', ...args] = command;
  const { signal } = options;
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const child = spawnAsUser(file, args, options);
    let kill: NodeJS.Timeout | undefined;
    // A script's own children too, where they are not in the terminal's hands.
    const send = (name: NodeJS.Signals) =>
      inTerminal() || child.pid === undefined ? child.kill(name) : signalGroup(child.pid, name);
    const onAbort = () => {
      send('SIGTERM');
      kill = setTimeout(() => send('SIGKILL'), GRACE_MS);
    };
    signal.addEventListener('abort', onAbort, { once: true });
    const passOn = (name: NodeJS.Signals) => {
      if (!(inTerminal() && FROM_TERMINAL.has(name))) {
        send(name);
      }
    };
    for (const name of WORKLOAD_SIGNALS) {
      process.on(name, passOn);
    }
    const settle = () => {
      clearTimeout(kill);
      for (const name of WORKLOAD_SIGNALS) {
        process.off(name, passOn);
      }
      signal.removeEventListener('abort', onAbort);
    };
    child.once('error', (error) => {
      settle();
      reject(notStarted(file, error));
    });
    child.once('close', (code, childSignal) => {
      settle();
      resolve(code ?? 128 + (childSignal === null ? 0 : constants.signals[childSignal]));
    });
  });
}

function spawnAsUser(
  file: string,
  args: readonly string[],
  { env, cwd }: { env: NodeJS.ProcessEnv; cwd: string },
): ChildProcess {
  const ours = process.umask(ORIGINAL_UMASK);
  try {
    // child_process itself: inherited streams, and in a terminal no group of its own, so that job control works as in
    // a shell.
    return spawn(file, args, { env, cwd, stdio: 'inherit', detached: !inTerminal() });
  } catch (error) {
    throw notStarted(file, error); // some errors come at once (ENOTDIR, E2BIG), the others as an event
  } finally {
    process.umask(ours);
  }
}

function inTerminal(): boolean {
  return process.stdin.isTTY === true;
}

function notStarted(file: string, cause: unknown): UnetError {
  const missing = errnoOf(cause) === 'ENOENT';
  return new UnetError(
    'UNET_COMMAND_NOT_FOUND',
    `${file}: ${missing ? 'command not found' : `cannot be executed (${errnoOf(cause)})`}`,
    {
      cause,
      exitCode: missing ? 127 : 126,
    },
  );
}
