/** The release as the scheduler has broadcast it. The staging checks its checksum. */
import { mkdtemp, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { UnetError } from '../errors.ts';
import { removeTree } from '../files/remove-tree.ts';
import type { NodeContext } from './context.ts';

/** The tar. It is extracted into this node's own directory: one that nodes share would have them in each other's way. */
export async function releaseFromArchive(
  name: string,
  { directory, scheduler }: Pick<NodeContext, 'directory' | 'scheduler'>,
  signal: AbortSignal,
): Promise<Buffer> {
  const inbox = await mkdtemp(join(directory, '.release-'));
  try {
    if (scheduler.broadcast === undefined) {
      throw new UnetError(
        'UNET_RELEASE_CHECKSUM',
        `${name} cannot be fetched here: the scheduler has no broadcast`,
      );
    }
    await scheduler.broadcast.fetch(name, inbox, { signal });
    const [file] = await readdir(inbox);
    if (file === undefined) {
      throw new UnetError('UNET_RELEASE_CHECKSUM', `the broadcast ${name} has no file`);
    }
    return await readFile(join(inbox, file));
  } finally {
    await removeTree(inbox, { beneath: directory });
  }
}
