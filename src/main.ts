/** The process of what a user types, in either bundle. */
import './process/umask.ts';
import './process/jitless.ts';
import { createCli } from './cli/frame/cli.ts';
import type { AnyCommand } from './cli/frame/command.ts';
import { EXIT } from './errors.ts';
import { interruptions } from './process/signals.ts';
import { VERSION } from './version.ts';

/** Runs the command that the process's words ask for, one of `commands`, and ends the process with its exit code. */
export async function main(commands: readonly AnyCommand[]): Promise<never> {
  const cli = createCli(process.argv.slice(2), commands, {
    version: VERSION,
    stdout: process.stdout,
    stderr: process.stderr,
    // Twice: the user will not wait. Supervisor and agents go on with the teardown by themselves.
    signal: interruptions(() => {
      process.stderr.write('\nnot waiting; the teardown goes on in the background\n');
      process.exit(EXIT.interrupted);
    }),
  });
  return process.exit(await cli.run());
}
