/** Taking away what an agent made on its node, from its record alone: by itself, or by another one after its death. */
import { join } from 'node:path';
import { hasLabels, removeLeftovers } from '../engine/leftovers.ts';
import { makeFailure, startedByMakeIn, tryMake } from '../engine/make.ts';
import { removeStorage } from '../engine/remove-storage.ts';
import { errnoOf, UnetError } from '../errors.ts';
import { removeEmptyParents } from '../files/empty-parents.ts';
import { removeTree } from '../files/remove-tree.ts';
import { verifyPrivateDirectory } from '../files/safe-path.ts';
import type { Environment } from '../process/environment.ts';
import { endProcessesWith } from '../process/inside.ts';
import { reconstructRecord } from './lost-record.ts';
import { removeIncoming } from './receive-pack.ts';
import { type NodeRecord, readNodeRecord } from './record.ts';

export type TeardownOptions = {
  /** The node's own directory. */
  directory: string;
  /** This user's node-local directory: what may be removed up to here when it is empty. */
  root: string;
  env: Environment;
  timeoutMs: number;
  onLine: (line: string) => void;
};

/**
 * Removes the node's containers, then its directory. Repeatable: nothing there is nothing to do. When the
 * containers cannot be removed the directory stays, since it is what a second try needs.
 *
 * @throws UnetError UNET_TEARDOWN_INCOMPLETE saying what is left and where; UNET_UNSAFE_PATH for a directory that somebody
 *   else could have prepared, of which nothing is run or removed.
 */
export async function teardown(options: TeardownOptions): Promise<void> {
  if (!(await isOurs(options.directory))) {
    return;
  }
  const record =
    (await readNodeRecord(options.directory)) ?? (await reconstructRecord(options.directory, options));
  if (record?.up === true) {
    await takeContainerDown(record, options);
  }
  if (record !== undefined) {
    await endDaemons(record, options);
  }
  if (record?.storage !== undefined) {
    await removeStorage({
      ...options,
      ...record.storage,
      command: record.engine?.command ?? ['podman'],
      env: { ...options.env, ...record.variables },
    });
  }
  await removeTree(options.directory, { beneath: options.root });
  await removeIncoming(options.directory);
  await removeEmptyParents(options.directory, options.root);
}

/** False when there is nothing. What a record says is run: `make` in the directory that it names. */
async function isOurs(directory: string): Promise<boolean> {
  try {
    await verifyPrivateDirectory(directory);
    return true;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') {
      return false;
    }
    throw error;
  }
}

/**
 * Removes the node's containers, volumes and networks; its directory stays.
 *
 * @throws UnetError UNET_TEARDOWN_INCOMPLETE, UNET_ENGINE_FAILED.
 */
export async function takeContainerDown(
  record: NodeRecord,
  options: Omit<TeardownOptions, 'root'>,
): Promise<void> {
  const { jobId, node, engine } = record;
  const env = { ...options.env, ...record.variables };
  const failure = await composeDown(record, options);
  if (engine !== undefined && hasLabels(engine)) {
    // Whatever compose said: what is left is asked of the engine itself.
    await removeLeftovers(engine, { ...options, jobId, node, env });
  } else if (failure !== undefined) {
    throw failure;
  }
}

/** What a target of make has left running, in a session of its own: no engine knows of it. */
async function endDaemons({ stage, node }: NodeRecord, { directory }: TeardownOptions): Promise<void> {
  const left = await endProcessesWith(startedByMakeIn(stage));
  if (left.length > 0) {
    throw new UnetError(
      'UNET_TEARDOWN_INCOMPLETE',
      `processes that make has started could not be ended: ${left.join(', ')}`,
      { node, step: 'down', remedy: `end them by hand, then run "unet down" again; ${directory} stays` },
    );
  }
}

async function composeDown(
  record: NodeRecord,
  options: Omit<TeardownOptions, 'root'>,
): Promise<UnetError | undefined> {
  const result = await tryMake('down-v', {
    stage: record.stage,
    env: { ...options.env, ...record.variables },
    timeoutMs: options.timeoutMs,
    onLine: options.onLine,
  });
  if (result.exitCode === 0) {
    return undefined;
  }
  const failure = makeFailure('down-v', result, options.timeoutMs);
  return new UnetError(
    'UNET_TEARDOWN_INCOMPLETE',
    `the containers could not be removed: ${failure.message}`,
    {
      node: record.node,
      tail: failure.details.tail,
      step: 'down',
      remedy: `run "unet down" again; what is left is described in ${join(options.directory, 'node.json')}`,
    },
  );
}
