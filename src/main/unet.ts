/** The entry of dist/unet.js: the process of what a user types. */
import '../process/umask.ts';
import '../process/jitless.ts';
import { COMMANDS } from '../cli/commands.ts';
import { createCli } from '../cli/frame/cli.ts';
import { EXIT } from '../errors.ts';
import { interruptions } from '../process/signals.ts';
import { VERSION } from '../version.ts';

const cli = createCli(process.argv.slice(2), COMMANDS, {
  version: VERSION,
  stdout: process.stdout,
  stderr: process.stderr,
  // A second interrupt: the user does not want to wait. Supervisor and agents finish the teardown by themselves.
  signal: interruptions(() => {
    process.stderr.write('\nnot waiting; the teardown goes on in the background\n');
    process.exit(EXIT.interrupted);
  }),
});
process.exit(await cli.run());
