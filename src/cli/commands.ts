/** Every command that a user can type, in the order of the help text. */
import { attr } from './attr.ts';
import { cache } from './cache.ts';
import { cluster } from './cluster.ts';
import { config } from './config.ts';
import { down } from './down.ts';
import { env } from './env.ts';
import type { AnyCommand } from './frame/command.ts';
import { completion } from './frame/completion.ts';
import { hooks } from './hooks.ts';
import { kube } from './kube.ts';
import { kubectl } from './kubectl.ts';
import { node } from './node.ts';
import { pack } from './pack.ts';
import { rehearse } from './rehearse.ts';
import { releases } from './releases.ts';
import { run } from './run.ts';
import { status } from './status.ts';
import { up } from './up.ts';

export const COMMANDS: readonly AnyCommand[] = [
  run,
  up,
  down,
  rehearse,
  status,
  env,
  attr,
  kubectl,
  cluster,
  kube,
  pack,
  releases,
  cache,
  config,
  completion,
  hooks,
  node,
];
