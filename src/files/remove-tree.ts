/** Removing a directory of ours, and nothing else. */
import type { Stats } from 'node:fs';
import { chmod, lstat, readdir, realpath, rmdir, unlink } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { errnoOf, UnetError } from '../errors.ts';
import { lstatOrUndefined, ownUid, unsafe } from './safe-path.ts';

// A process that is just ending may still write; NFS keeps a removed open file as .nfsXXXX until it is closed.
const PASSES = 6;
const FIRST_PAUSE_MS = 20;
const OWNER_ALL = 0o700;

/**
 * Removes `path`, a directory beneath `beneath`, with all that is in it. Symbolic links are removed, never followed;
 * another filesystem mounted inside is left alone; what has vanished meanwhile is fine, and so is `path` not there.
 *
 * @throws UnetError UNET_UNSAFE_PATH when it is not what it should be, before anything is removed;
 *   UNET_TEARDOWN_INCOMPLETE naming what could not be removed.
 */
export async function removeTree(path: string, { beneath }: { beneath: string }): Promise<void> {
  const absolute = resolve(path);
  const root = await lstatOrUndefined(absolute);
  if (root === undefined) {
    return;
  }
  await checkRemovable(absolute, root, beneath);
  let failures: string[] = [];
  for (let pass = 0; pass < PASSES; pass++) {
    if (pass > 0) {
      await sleep(FIRST_PAUSE_MS * 2 ** (pass - 1));
    }
    failures = [];
    await removeDirectory(absolute, root, failures);
    if (failures.length === 0) {
      return;
    }
  }
  throw new UnetError('UNET_TEARDOWN_INCOMPLETE', `${absolute} could not be removed: ${failures[0]}`, {
    tail: failures.slice(0, 12),
    remedy: `find out what still uses it, then run: rm -rf ${absolute}`,
  });
}

async function checkRemovable(path: string, stats: Stats, beneath: string): Promise<void> {
  if (stats.isSymbolicLink() || !stats.isDirectory()) {
    throw unsafe(
      path,
      `is ${stats.isSymbolicLink() ? 'a symbolic link' : 'not a directory'}, so it is not removed`,
    );
  }
  if (stats.uid !== ownUid()) {
    throw unsafe(path, `belongs to another user (id ${stats.uid}), so it is not removed`);
  }
  const inside =
    isBeneath(path, resolve(beneath)) && isBeneath(await realpath(path), await realpath(beneath));
  if (!inside) {
    throw unsafe(path, `is not beneath ${beneath}, so it is not removed`);
  }
}

function isBeneath(path: string, parent: string): boolean {
  const way = relative(parent, path);
  return way !== '' && way !== '..' && !way.startsWith('../');
}

async function removeDirectory(path: string, stats: Stats, failures: string[]): Promise<void> {
  await tolerantly(path, failures, async () => {
    // Without these its entries cannot be removed; Go's module cache makes such directories.
    if ((stats.mode & OWNER_ALL) !== OWNER_ALL && stats.uid === ownUid()) {
      await chmod(path, OWNER_ALL);
    }
    for (const name of await readdir(path)) {
      await removeEntry(join(path, name), stats.dev, failures);
    }
    await rmdir(path);
  });
}

async function removeEntry(path: string, device: number, failures: string[]): Promise<void> {
  await tolerantly(path, failures, async () => {
    const stats = await lstat(path);
    if (!stats.isDirectory()) {
      await unlink(path);
    } else if (stats.dev === device) {
      await removeDirectory(path, stats, failures);
    } else {
      failures.push(`${path}: another filesystem is mounted there`);
    }
  });
}

async function tolerantly(path: string, failures: string[], action: () => Promise<void>): Promise<void> {
  try {
    await action();
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === undefined) {
      throw error;
    }
    if (errno !== 'ENOENT') {
      failures.push(`${path}: ${errno}`);
    }
  }
}
