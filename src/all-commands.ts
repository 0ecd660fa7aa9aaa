/** The entry of dist/unet.js: all commands, and the help for them. */
import { attr } from './cli/attr.ts';
import { cache } from './cli/cache.ts';
import { config } from './cli/config.ts';
import { down } from './cli/down.ts';
import { env } from './cli/env.ts';
import { completion } from './cli/frame/completion.ts';
import { hooks } from './cli/hooks.ts';
import { kube } from './cli/kube.ts';
import { kubectl } from './cli/kubectl.ts';
import { node } from './cli/node.ts';
import { pack } from './cli/pack.ts';
import { rehearse } from './cli/rehearse.ts';
import { releases } from './cli/releases.ts';
import { run } from './cli/run.ts';
import { status } from './cli/status.ts';
import { up } from './cli/up.ts';
import { main } from './main.ts';

await main([
  run,
  up,
  down,
  rehearse,
  status,
  env,
  attr,
  kubectl,
  kube,
  pack,
  releases,
  cache,
  config,
  completion,
  hooks,
  node,
]);
