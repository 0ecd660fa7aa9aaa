/** The pack on this node: where it can be read, and that it is the one which the supervisor has verified. */
import { mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { UnetError } from '../errors.ts';
import { lstatOrUndefined } from '../files/safe-path.ts';
import { damagedPack } from '../pack/errors.ts';
import { openPack, type Pack } from '../pack/reader.ts';
import { INCOMING } from '../pack/routes.ts';
import type { JobSpec, ToAgents } from '../protocol/to-agents.ts';
import type { NodeContext } from './context.ts';

export type LoadedPack = {
  /** The node's own image in the engine. */
  nodeImage: { id: string; names: string[] } | undefined;
  /** Archives to import into the node: the file on this host, its path in the container, the images in it. */
  images: { file: string; path: string; names: string[]; imported: boolean }[];
};

/** Whether this node can read the pack where the supervisor does. */
export async function seesPack({ pack }: JobSpec): Promise<boolean | undefined> {
  if (pack === undefined) {
    return undefined;
  }
  return await openPack(pack.path).then(
    ({ id }) => id === pack.id,
    () => false,
  );
}

/**
 * Asks the supervisor for its turn, opens the pack by the way that it is told, and runs `use`. A copy on this node goes
 * when `use` is over.
 *
 * @throws UnetError UNET_PACK_CHECKSUM for another pack than the one that was verified; that of `use`.
 */
export async function withPack<T>(
  context: NodeContext,
  signal: AbortSignal,
  use: (pack: Pack) => Promise<T>,
): Promise<T> {
  const { node, inbox, spec } = context;
  context.send({ type: 'request-pack' });
  try {
    const offer = await inbox.take('pack', signal, (message) => (message.node ?? node) === node);
    const { path, copy } = await fetch(offer, context, signal);
    try {
      const pack = await openPack(path);
      if (pack.id !== spec.pack?.id) {
        throw damagedPack(`${path} on ${node} is another pack than the one that was verified`);
      }
      return await use(pack);
    } finally {
      if (copy) {
        await rm(path, { force: true });
      }
    }
  } finally {
    context.send({ type: 'pack-done' });
  }
}

/** Removes what a broadcast has left for this node, or for one that did not come to take it. */
export async function removeIncoming(directory: string): Promise<void> {
  await rm(incomingOf(directory), { force: true });
}

/** @param copy it is ours, in the node's own directory. */
async function fetch(
  offer: Extract<ToAgents, { type: 'pack' }>,
  context: NodeContext,
  signal: AbortSignal,
): Promise<{ path: string; copy: boolean }> {
  const { directory } = context;
  if (offer.via === 'shared-fs') {
    return { path: context.spec.pack?.path ?? '', copy: false };
  }
  const { broadcast } = context.scheduler;
  if (broadcast?.stays === true) {
    const inbox = await mkdtemp(join(directory, 'pack-'));
    await broadcast.fetch(offer.name ?? '', inbox, { timeoutMs: context.spec.stepTimeouts.load, signal });
    const [file] = await readdir(inbox);
    return { path: join(inbox, file ?? ''), copy: true };
  }
  const path = join(directory, 'pack');
  if ((await lstatOrUndefined(incomingOf(directory))) === undefined) {
    throw new UnetError('UNET_PACK_UNREACHABLE', `${offer.via} has left no pack in ${dirname(directory)}`, {
      remedy: 'use --pack-via shared-fs',
    });
  }
  await rename(incomingOf(directory), path);
  return { path, copy: true };
}

function incomingOf(directory: string): string {
  return join(dirname(directory), INCOMING);
}
