/** The release out of a Flux archive. Its checksum is checked by who stages it. */
import { mkdtemp, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { UnetError } from '../errors.ts';
import { removeTree } from '../files/remove-tree.ts';
import { extractArchive } from '../flux/archive.ts';
import { fluxEnvironment } from '../flux/flux.ts';
import type { NodeContext } from './context.ts';

/** The tar. It is extracted into this node's own directory: one that nodes share would have them in each other's way. */
export async function releaseFromArchive(
  name: string,
  { directory, env }: Pick<NodeContext, 'directory' | 'env'>,
  signal: AbortSignal,
): Promise<Buffer> {
  const inbox = await mkdtemp(join(directory, '.release-'));
  try {
    while (!(await extractArchive({ name, env: fluxEnvironment(env), signal }, inbox))) {
      signal.throwIfAborted();
    }
    const [file] = await readdir(inbox);
    if (file === undefined) {
      throw new UnetError('UNET_RELEASE_CHECKSUM', `the Flux archive ${name} is empty`);
    }
    return await readFile(join(inbox, file));
  } finally {
    await removeTree(inbox, { beneath: directory });
  }
}
