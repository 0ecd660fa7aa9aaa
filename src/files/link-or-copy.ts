/** The same file in another place, as cheaply as the filesystems let it. */
import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { copyFile, link, rename, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { errnoOf } from '../errors.ts';
import { pathError } from './path-error.ts';
import { syncDirectory } from './sync-directory.ts';

// Two filesystems; one without hard links; somebody else's file (fs.protected_hardlinks); too many links.
const NO_LINK = new Set([
  'EXDEV',
  'EPERM',
  'EACCES',
  'EMLINK',
  'ENOTSUP',
  'EOPNOTSUPP',
  'ENOSYS',
  'EINVAL',
  'EIO',
]);

export type Taken = 'hard link' | 'copy';

/**
 * Makes `to` the same as `from`, whose content nobody changes: a hard link, or a copy (a reflink where there is one).
 * What was at `to` is replaced, and nobody sees a half of it.
 *
 * @throws the system error ENOENT when `from` is gone; UnetError UNET_DIR_UNWRITABLE, UNET_DISK_FULL.
 */
export async function linkOrCopyFile(from: string, to: string): Promise<Taken> {
  const temporary = join(dirname(to), `.${basename(to)}.${randomBytes(8).toString('hex')}.tmp`);
  try {
    const taken = await linkOrCopy(from, temporary);
    await rename(temporary, to);
    await syncDirectory(dirname(to));
    return taken;
  } catch (error) {
    throw errnoOf(error) === 'ENOENT' ? error : pathError(error, 'write', to);
  } finally {
    // Between two names of one file rename does nothing, and so leaves both (rename(2)).
    await unlink(temporary).catch(() => {});
  }
}

async function linkOrCopy(from: string, to: string): Promise<Taken> {
  try {
    await link(from, to);
    return 'hard link';
  } catch (error) {
    if (!NO_LINK.has(errnoOf(error) ?? '')) {
      throw error;
    }
    await copyFile(from, to, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
    return 'copy';
  }
}
