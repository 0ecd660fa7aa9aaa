/** Directories that are ours alone. */
import { constants } from 'node:fs';
import { access, mkdir } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { errnoOf } from '../errors.ts';
import { pathError } from './path-error.ts';
import { checkSafeParent, lstatOrUndefined, verifyPrivateDirectory } from './safe-path.ts';

/**
 * Makes `path` a directory of ours with mode 0700, with the parents that are missing, or makes sure that it is one
 * already. Several processes may do so at the same time.
 *
 * @throws UnetError UNET_UNSAFE_PATH, UNET_DIR_UNWRITABLE or UNET_DISK_FULL.
 */
export async function ensurePrivateDirectory(path: string): Promise<void> {
  const absolute = resolve(path);
  try {
    await createMissing(absolute);
    await verifyPrivateDirectory(absolute);
    await access(absolute, constants.W_OK | constants.X_OK); // a filesystem may be mounted read-only here
  } catch (error) {
    throw pathError(error, 'use the directory', absolute);
  }
}

async function createMissing(path: string): Promise<void> {
  if ((await lstatOrUndefined(path)) !== undefined) {
    return;
  }
  const parent = dirname(path);
  await checkSafeParent(parent);
  await createMissing(parent);
  try {
    await mkdir(path, 0o700);
  } catch (error) {
    // Another node or process was faster; whether it is ours is looked at by the caller.
    if (errnoOf(error) !== 'EEXIST') {
      throw pathError(error, 'create the directory', path);
    }
  }
}
