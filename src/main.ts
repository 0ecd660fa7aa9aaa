/** The entry of the bundle: signals, commands, exit code. */
import './process/umask.ts';
import { attr } from './cli/attr.ts';
import { config } from './cli/config.ts';
import { down } from './cli/down.ts';
import { env } from './cli/env.ts';
import { createCli } from './cli/frame/cli.ts';
import type { AnyCommand } from './cli/frame/command.ts';
import { completion } from './cli/frame/completion.ts';
import { kubectl } from './cli/kubectl.ts';
import { node } from './cli/node.ts';
import { rehearse } from './cli/rehearse.ts';
import { run } from './cli/run.ts';
import { status } from './cli/status.ts';
import { up } from './cli/up.ts';
import { EXIT, UnetError } from './errors.ts';
import { VERSION } from './version.ts';

const COMMANDS: readonly AnyCommand[] = [run, up, down, rehearse, status, env, attr, kubectl, config, completion, node];

const SIGNAL_EXITS = { SIGHUP: EXIT.hangup, SIGINT: EXIT.interrupted, SIGTERM: EXIT.terminated } as const;

const interrupted = new AbortController();
for (const name of Object.keys(SIGNAL_EXITS) as (keyof typeof SIGNAL_EXITS)[]) {
  process.on(name, () => {
    if (interrupted.signal.aborted && name === 'SIGINT') {
      // Twice: the user will not wait. Supervisor and agents go on with the teardown by themselves.
      process.exit(EXIT.interrupted);
    }
    interrupted.abort(new UnetError('UNET_INTERRUPTED', `interrupted by ${name}`, { exitCode: SIGNAL_EXITS[name] }));
  });
}

const cli = createCli(process.argv.slice(2), COMMANDS, {
  version: VERSION,
  stdout: process.stdout,
  stderr: process.stderr,
  signal: interrupted.signal,
});
process.exit(await cli.run());
