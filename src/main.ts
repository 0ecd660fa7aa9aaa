/** The entry of dist/unet.js: what a user types. */
import './process/umask.ts';
import { attr } from './cli/attr.ts';
import { cache } from './cli/cache.ts';
import { config } from './cli/config.ts';
import { down } from './cli/down.ts';
import { env } from './cli/env.ts';
import { createCli } from './cli/frame/cli.ts';
import type { AnyCommand } from './cli/frame/command.ts';
import { completion } from './cli/frame/completion.ts';
import { hooks } from './cli/hooks.ts';
import { kubectl } from './cli/kubectl.ts';
import { node } from './cli/node.ts';
import { pack } from './cli/pack.ts';
import { rehearse } from './cli/rehearse.ts';
import { releases } from './cli/releases.ts';
import { run } from './cli/run.ts';
import { status } from './cli/status.ts';
import { up } from './cli/up.ts';
import { EXIT } from './errors.ts';
import { interruptions } from './process/signals.ts';
import { VERSION } from './version.ts';

const COMMANDS: readonly AnyCommand[] = [
  run,
  up,
  down,
  rehearse,
  status,
  env,
  attr,
  kubectl,
  pack,
  releases,
  cache,
  config,
  completion,
  hooks,
  node,
];

const cli = createCli(process.argv.slice(2), COMMANDS, {
  version: VERSION,
  stdout: process.stdout,
  stderr: process.stderr,
  // Twice: the user will not wait. Supervisor and agents go on with the teardown by themselves.
  signal: interruptions(() => {
    process.stderr.write('\nnot waiting; the teardown goes on in the background\n');
    process.exit(EXIT.interrupted);
  }),
});
process.exit(await cli.run());
