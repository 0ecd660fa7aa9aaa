/** Opening a cache for use: one's own, or somebody else's that is only read. */
import { constants, type Stats } from 'node:fs';
import { access, chmod, mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { errnoOf, UnetError } from '../errors.ts';
import { pathError } from '../files/path-error.ts';
import { checkSafeParent, lstatOrUndefined, ownUid, resolveSafely, unsafe } from '../files/safe-path.ts';
import { type CachePaths, cachePaths } from './layout.ts';

export type Cache = {
  paths: CachePaths;
  /** Modes of what is written: as open to others as the cache's own directory is. */
  modes: { directory: number; file: number };
};

/** A cache in front of one's own. `trusted`: nobody but root and this user can change what it says. */
export type SiteCache = { paths: CachePaths; trusted: boolean };

const OTHERS_WRITE = 0o022;
const OTHERS_READ = 0o055;

/**
 * Makes the cache's directory where it is missing, 0700. One that was made readable for others before is a cache for
 * others to read, and what is put into it is readable too.
 *
 * @throws UnetError UNET_UNSAFE_PATH: not ours, or others can change it; UNET_DIR_UNWRITABLE, UNET_DISK_FULL.
 */
export async function openCache(directory: string): Promise<Cache> {
  const paths = cachePaths(directory);
  try {
    const open = ((await ownDirectory(directory)).mode & OTHERS_READ) === OTHERS_READ;
    const modes = open ? { directory: 0o755, file: 0o444 } : { directory: 0o700, file: 0o400 };
    return { paths, modes };
  } catch (error) {
    throw cacheError(error, directory);
  }
}

/**
 * Before something is written: makes what is missing. Who only finds what he wants never asks for it, which spares the
 * file server a third of the questions.
 */
export async function makeWritable({ paths, modes }: Cache): Promise<void> {
  try {
    for (const path of [paths.version, paths.releases, paths.sources, paths.claims, paths.incoming]) {
      await makeDirectory(path, modes.directory);
    }
    await access(paths.incoming, constants.W_OK | constants.X_OK);
  } catch (error) {
    throw cacheError(error, paths.directory);
  }
}

/**
 * A cache that is only read.
 *
 * @throws UnetError UNET_CONFIG_INVALID when there is none.
 */
export async function openSiteCache(directory: string): Promise<SiteCache> {
  const paths = cachePaths(directory);
  try {
    const stats = await stat(paths.releases);
    const mine = stats.uid === ownUid() || stats.uid === 0;
    const safe = await checkSafeParent(paths.releases).then(
      () => true,
      () => false,
    );
    return { paths, trusted: mine && safe };
  } catch (error) {
    throw new UnetError(
      'UNET_CONFIG_INVALID',
      `there is no cache of releases in ${directory} (--cache-from): ${errnoOf(error) ?? String(error)}`,
      { cause: error, remedy: 'ask its owner to run "unet cache path", and name that directory' },
    );
  }
}

/** The cache as it is, for looking only; undefined: there is none yet. */
export async function findCache(directory: string): Promise<CachePaths | undefined> {
  const paths = cachePaths(directory);
  return (await lstatOrUndefined(paths.releases)) === undefined ? undefined : paths;
}

async function ownDirectory(path: string): Promise<Stats> {
  await createMissing(path);
  const stats = await stat(await resolveSafely(path));
  if (!stats.isDirectory()) {
    throw unsafe(path, 'is not a directory');
  }
  if (stats.uid !== ownUid()) {
    throw unsafe(
      path,
      `belongs to another user (id ${stats.uid})`,
      'read it with --cache-from, or choose a directory of your own',
    );
  }
  if ((stats.mode & OTHERS_WRITE) !== 0) {
    throw unsafe(
      path,
      'can be written by others',
      `make sure that its contents are yours, then: chmod go-w ${path}`,
    );
  }
  return stats;
}

async function createMissing(path: string): Promise<void> {
  if ((await lstatOrUndefined(path)) !== undefined) {
    return;
  }
  await checkSafeParent(dirname(path));
  await createMissing(dirname(path));
  await makeDirectory(path, 0o700);
}

async function makeDirectory(path: string, mode: number): Promise<void> {
  try {
    await mkdir(path, mode);
    await chmod(path, mode); // whatever the umask
  } catch (error) {
    // Another node or process was faster.
    if (errnoOf(error) !== 'EEXIST' && (await lstatOrUndefined(path)) === undefined) {
      throw error;
    }
  }
}

/** What an error of the filesystem means here: other settings help than elsewhere. */
export function cacheError(error: unknown, directory: string): unknown {
  const known = pathError(error, 'write to the cache', directory);
  if (!UnetError.is(known) || (UnetError.is(error) && error.code === 'UNET_UNSAFE_PATH')) {
    return known;
  }
  return new UnetError(known.code, known.message, {
    ...known.details,
    remedy: 'choose another directory with --cache, or do without a cache: --provision clone',
  });
}
