/** Writing the hooks, and taking them away: files of root, which are never anybody else's. */
import { chmod, lstat, mkdir, readFile, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { errnoOf, UnetError } from '../errors.ts';
import { pathError } from '../files/path-error.ts';
import { createPrivateFile } from '../files/private-file.ts';
import { checkSafeParent, lstatOrUndefined } from '../files/safe-path.ts';
import { readMark, type ScriptMark } from './script.ts';

const EXECUTABLE = 0o755;

/** What is at a hook's path. */
export type Found = { is: 'nothing' } | { is: 'foreign' } | { is: 'ours'; mark: ScriptMark; text: string };

/** @throws UnetError UNET_NOT_ROOT */
export function needRoot(what: string): void {
  if (process.geteuid?.() !== 0) {
    throw new UnetError(
      'UNET_NOT_ROOT',
      `${what} must be run by root: the scheduler runs the hooks as root`,
      {
        remedy: 'run it with sudo, on every node, or where the nodes have their configuration from',
      },
    );
  }
}

/**
 * Makes `directory` safe to write a hook to: it must be there, or the one above it.
 *
 * @throws UnetError UNET_DIR_UNWRITABLE, UNET_UNSAFE_PATH
 */
export async function prepareDirectory(directory: string, base: string): Promise<void> {
  await checkDirectory(base);
  if (directory !== base && (await lstatOrUndefined(directory)) === undefined) {
    try {
      await mkdir(directory);
      await chmod(directory, EXECUTABLE);
    } catch (error) {
      throw pathError(error, 'create the directory', directory);
    }
  }
  await checkDirectory(directory);
}

/**
 * Writes a hook whole or not at all, executable and root's.
 *
 * @throws UnetError UNET_FOREIGN_FILE when something is there that is not ours, or was edited and `force` is not given.
 */
export async function writeHook(path: string, text: string, force: boolean): Promise<void> {
  refuseForeign(path, await lookAt(path), force, 'overwritten');
  await createPrivateFile(path, async (file) => {
    await file.writeFile(text);
    await file.chmod(EXECUTABLE);
  });
}

/** True when there was one. @throws UnetError as `writeHook` */
export async function removeHook(path: string, force: boolean): Promise<boolean> {
  const found = await lookAt(path);
  if (found.is === 'nothing') {
    return false;
  }
  refuseForeign(path, found, force, 'removed');
  try {
    await checkDirectory(dirname(path));
    await unlink(path);
  } catch (error) {
    throw pathError(error, 'remove', path);
  }
  return true;
}

export async function lookAt(path: string): Promise<Found> {
  try {
    if (!(await lstat(path)).isFile()) {
      return { is: 'foreign' };
    }
    const text = await readFile(path, 'utf8');
    const mark = readMark(text);
    return mark === undefined ? { is: 'foreign' } : { is: 'ours', mark, text };
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') {
      return { is: 'nothing' };
    }
    throw pathError(error, 'read', path);
  }
}

function refuseForeign(path: string, found: Found, force: boolean, verb: string): void {
  if (found.is === 'foreign') {
    throw new UnetError('UNET_FOREIGN_FILE', `${path} is not a hook of unet, and is not ${verb}`, {
      remedy: 'move it away, or choose another directory with --dir',
    });
  }
  if (found.is === 'ours' && found.mark.edited && !force) {
    throw new UnetError('UNET_FOREIGN_FILE', `${path} was edited, and is not ${verb}`, {
      remedy: 'save your changes elsewhere, then use --force',
    });
  }
}

async function checkDirectory(directory: string): Promise<void> {
  const stats = await lstatOrUndefined(directory);
  if (stats === undefined) {
    throw new UnetError('UNET_DIR_UNWRITABLE', `${directory} does not exist`, {
      remedy: 'create it if the scheduler’s configuration belongs there, else name another with --dir',
    });
  }
  try {
    await checkSafeParent(directory);
  } catch (error) {
    const { message } = UnetError.from(error);
    throw new UnetError('UNET_UNSAFE_PATH', message, {
      remedy:
        'root runs what is in it: it and every directory above it must belong to root and be writable only by root',
    });
  }
}
