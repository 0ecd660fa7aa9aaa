/** The process's signals as one AbortSignal whose reason carries the exit code. */
import { EXIT, UnetError } from '../errors.ts';

/** Signals that mean something to the user's command only: bin/unet.js ignores them, and `unet run` passes them on. */
export const WORKLOAD_SIGNALS = [
  'SIGUSR1',
  'SIGUSR2',
  'SIGQUIT',
  'SIGXCPU',
  'SIGPWR',
  'SIGIO',
  'SIGVTALRM',
  'SIGWINCH',
  'SIGURG',
  'SIGCONT',
] as const satisfies readonly NodeJS.Signals[];

// SIGALRM is what Flux sends at the time limit.
const SIGNAL_EXITS = {
  SIGHUP: EXIT.hangup,
  SIGINT: EXIT.interrupted,
  SIGALRM: EXIT.alarm,
  SIGTERM: EXIT.terminated,
} as const;

/**
 * Aborts at the first SIGHUP, SIGINT, SIGALRM or SIGTERM, with a UnetError. `onSecondInterrupt` is called when the user will not
 * wait for what the first one has begun.
 */
export function interruptions(onSecondInterrupt: () => void = () => {}): AbortSignal {
  const interrupted = new AbortController();
  for (const name of Object.keys(SIGNAL_EXITS) as (keyof typeof SIGNAL_EXITS)[]) {
    process.on(name, () => {
      if (interrupted.signal.aborted && name === 'SIGINT') {
        onSecondInterrupt();
      }
      interrupted.abort(
        new UnetError('UNET_INTERRUPTED', `interrupted by ${name}`, { exitCode: SIGNAL_EXITS[name] }),
      );
    });
  }
  return interrupted.signal;
}
