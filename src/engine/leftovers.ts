/** What carries a node's labels in an engine, and its removal: the word of compose alone is not enough for "nothing is left". */
import { UnetError } from '../errors.ts';
import type { Environment } from '../process/environment.ts';
import { lastLines, run } from '../process/run.ts';
import type { Engine } from './engine.ts';
import { projectName } from './identity.ts';
import { engineFailure } from './images.ts';
import { ownFilter } from './labels.ts';

export type LeftoverOptions = {
  jobId: string;
  node: string;
  env: Environment;
  timeoutMs: number;
  onLine?: ((line: string) => void) | undefined;
};

type Kind = { name: string; list: readonly string[]; remove: readonly string[] };

// In this order: a network or volume in use cannot be removed.
const KINDS: readonly Kind[] = [
  { name: 'container', list: ['ps', '-a', '-q'], remove: ['rm', '-f', '-v'] },
  { name: 'volume', list: ['volume', 'ls', '-q'], remove: ['volume', 'rm'] },
  { name: 'network', list: ['network', 'ls', '-q'], remove: ['network', 'rm'] },
];

/** Whether this is an engine whose objects carry labels; the rehearsal's stand-in has none but its own. */
export function hasLabels(engine: Pick<Engine, 'type'>): boolean {
  return ['docker', 'podman', 'nerdctl'].includes(engine.type);
}

/**
 * Removes the containers, volumes and networks with the labels of this job and node.
 *
 * @throws UnetError UNET_TEARDOWN_INCOMPLETE naming what could not be removed; UNET_ENGINE_FAILED when the engine does
 *   not answer.
 */
export async function removeLeftovers(
  engine: Pick<Engine, 'command' | 'type'>,
  options: LeftoverOptions,
): Promise<void> {
  for (const kind of KINDS) {
    const found = await list(engine, kind, options);
    if (found.length > 0) {
      options.onLine?.(`left over, removed by label: ${kind.name} ${found.join(' ')}`);
      await call(engine, [...kind.remove, ...found], options);
    }
    if (kind.name === 'container' && engine.type === 'podman') {
      await removePod(engine, options);
    }
  }
  for (const kind of KINDS) {
    const left = found(await list(engine, kind, options), kind);
    if (left !== undefined) {
      throw new UnetError('UNET_TEARDOWN_INCOMPLETE', `${left} could not be removed`, {
        remedy: `to see why, run: ${engine.command.join(' ')} ${kind.remove.join(' ')} …`,
      });
    }
  }
}

function found(names: readonly string[], { name }: Kind): string | undefined {
  return names.length === 0 ? undefined : `${name} ${names.join(' ')}`;
}

/** The pod that podman-compose makes has no label of ours, but a name that is the project's. */
async function removePod(engine: Pick<Engine, 'command'>, options: LeftoverOptions): Promise<void> {
  const name = `pod_${projectName(options.jobId, options.node)}`;
  const { exitCode } = await call(engine, ['pod', 'exists', name], options);
  if (exitCode === 0) {
    await call(engine, ['pod', 'rm', '-f', name], options);
  }
}

async function list(
  engine: Pick<Engine, 'command'>,
  kind: Kind,
  { jobId, node, ...options }: LeftoverOptions,
): Promise<string[]> {
  const words = [...kind.list, ...ownFilter({ jobId, node })];
  const result = await call(engine, words, { jobId, node, ...options });
  if (result.exitCode !== 0) {
    throw engineFailure([...engine.command, ...words], result, options.timeoutMs);
  }
  return result.stdout.split('\n').filter((line) => line.trim() !== '');
}

async function call(engine: Pick<Engine, 'command'>, words: readonly string[], options: LeftoverOptions) {
  const result = await run([...engine.command, ...words], { env: options.env, timeoutMs: options.timeoutMs });
  if (result.exitCode !== 0) {
    for (const line of lastLines(result.stderr, 3)) {
      options.onLine?.(line);
    }
  }
  return result;
}
