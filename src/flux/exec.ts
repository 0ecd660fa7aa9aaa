/** flux exec command lines, and what flux exec says about a command. See flux-exec(1). */
import { shellQuote } from '../process/quote.ts';
import { FLUX_COMMAND } from './flux.ts';

/**
 * Runs `command` on `rank`, and its stdout comes out on the stderr of flux exec. That one is unbuffered: stdout on a pipe
 * is written in blocks, so lines would come at the end (seen with Flux 0.88). stdbuf would do as well, but its LD_PRELOAD
 * travels on to the command with the rest of the environment.
 */
export function fluxExecArgv(rank: number, command: readonly string[]): string[] {
  return [...onRank(rank), 'sh', '-c', 'exec "$@" 1>&2', 'sh', ...command];
}

/** A command on a rank whose output is wanted as it is, in whole: flux exec writes stdout in blocks. */
export function fluxCommandArgv(
  rank: number,
  command: readonly string[],
  { terminal = false, input = false }: { terminal?: boolean; input?: boolean } = {},
): string[] {
  // flux exec has no terminals: script(1) makes one over there, and its input and output are the command's own.
  const inTerminal = ['script', '-qec', command.map(shellQuote).join(' '), '/dev/null'];
  return [...onRank(rank), ...(terminal ? inTerminal : input ? command : ['--noinput', ...command])];
}

/**
 * A command on rank 0, in the directory `cwd` if it is there, whose output is wanted as it is written: stdbuf sees to that here, and what
 * it has put into the environment, which travels on, is removed there.
 */
export function leadCommandArgv(
  command: readonly string[],
  { cwd, terminal, input }: { cwd: string; terminal: boolean; input: boolean },
): string[] {
  const script =
    'unset LD_PRELOAD _STDBUF_I _STDBUF_O _STDBUF_E; cd "$1" 2>/dev/null || cd /; shift; exec "$@"';
  const there = ['sh', '-c', script, 'sh', cwd, ...command];
  const argv = fluxCommandArgv(0, there, { terminal, input });
  return terminal ? argv : ['stdbuf', '-oL', ...argv];
}

/** In "/", since the current directory need not be there on other nodes. */
function onRank(rank: number): string[] {
  return [FLUX_COMMAND, 'exec', '--rank', String(rank), '--dir', '/'];
}

/** The rank's broker does not answer (EX_NOHOST of sysexits.h). */
export const NO_HOST = 68;

/** What an exit code of flux exec means; those above 128 are the command's end by a signal. */
export function describeExit(code: number | undefined, lastWords: string | undefined): string {
  const because = lastWords === undefined ? '' : `: ${lastWords}`;
  switch (code) {
    case 127:
      return `not found there${because}`;
    case 126:
      return `not executable there${because}`;
    case NO_HOST:
      return `its broker is lost or was never there${because}`;
    default:
      return code !== undefined && code > 128
        ? `was ended by signal ${code - 128}`
        : `exited with ${code}${because}`;
  }
}

/**
 * Reads flux exec's own lines: "flux-exec: Error: rank 1: nosuch: error launching process: No such file or directory",
 * "flux-exec: One or more invalid --ranks specified: 7". Undefined for the "1: Exit 3" and "1: Killed" at its end, which say
 * what the exit code says, and for what is not flux exec's. The shell around each command is ours: its name says nothing to a user.
 */
export function parseComplaint(line: string): string | undefined {
  return /^flux-exec: (?:Error: rank \d+: (?:sh: )?)?(.+)$/.exec(line.trim())?.[1];
}
