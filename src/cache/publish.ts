/** Putting a release into a cache: whole, or not at all, whenever this process is killed. */
import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { chmod, mkdir, open, readFile, rename, unlink } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { errnoOf, UnetError } from '../errors.ts';
import { removeTree } from '../files/remove-tree.ts';
import { syncDirectory } from '../files/sync-directory.ts';
import {
  ARCHIVE,
  type Entry,
  entryDirectory,
  FACTS,
  type Facts,
  keyOf,
  readEntry,
  type Source,
  sourceFile,
} from './entry.ts';
import type { CachePaths } from './layout.ts';
import { type Cache, cacheError, makeWritable } from './open.ts';

const OCCUPIED = new Set(['ENOTEMPTY', 'EEXIST', 'EPERM', 'EACCES']);

/**
 * Copies the archive `file` beside the others. A directory with archive and facts is written and synced, and then
 * renamed: who finds the name finds all of it.
 *
 * @param key of the claim under which this happens, so that the next holder knows what was left.
 */
export async function publish(
  cache: Cache,
  key: string,
  file: string,
  facts: Omit<Facts, 'version' | 'added'>,
): Promise<Entry> {
  const { paths, modes } = cache;
  const incoming = join(paths.incoming, `${key}-${randomBytes(6).toString('hex')}`);
  try {
    await mkdir(incoming, 0o700);
    // One write: releases are small, and each write is a message to the file server.
    await writeSynced(join(incoming, ARCHIVE), await readFile(file), modes.file);
    const text = JSON.stringify({ version: 1, ...facts, added: new Date().toISOString() });
    await writeSynced(join(incoming, FACTS), `${text}\n`, modes.file);
    await chmod(incoming, modes.directory);
    await syncDirectory(incoming);
    return await putInPlace(cache, incoming, facts.sha256);
  } catch (error) {
    throw cacheError(error, paths.directory);
  } finally {
    await removeTree(incoming, { beneath: paths.incoming });
  }
}

/** Renames what is written to its name. Somebody who was taken for dead may have finished after all: the same content. */
async function putInPlace({ paths }: Cache, incoming: string, sha256: string): Promise<Entry> {
  const destination = entryDirectory(paths, sha256);
  for (let attempt = 1; ; attempt += 1) {
    try {
      await rename(incoming, destination);
      await syncDirectory(paths.releases);
    } catch (error) {
      if (!OCCUPIED.has(errnoOf(error) ?? '') || attempt === 3) {
        throw error;
      }
      if ((await readEntry(paths, sha256)) === undefined) {
        await setAside(paths, destination); // what is left of one
        continue;
      }
    }
    const entry = await readEntry(paths, sha256);
    if (entry !== undefined) {
      return entry;
    }
    throw new UnetError('UNET_RELEASE_CHECKSUM', `${destination} disappeared right after it was written`, {
      remedy: 'check whether another process removes files there; see "unet cache prune --help"',
    });
  }
}

/** Notes what a source is, so that it need not be fetched again. */
export async function publishSource(
  { paths, modes }: Cache,
  { source, sha256, commit }: Omit<Source, 'version'>,
): Promise<void> {
  const temporary = join(paths.incoming, `${keyOf(source)}-${randomBytes(6).toString('hex')}.json`);
  try {
    const text = JSON.stringify({ version: 1, source, sha256, commit });
    await writeSynced(temporary, `${text}\n`, modes.file);
    await rename(temporary, sourceFile(paths, source));
  } catch (error) {
    await unlink(temporary).catch(() => {});
    throw cacheError(error, paths.directory);
  }
}

/** Takes an entry away at once, whoever still reads it: what is open stays readable. */
export async function discard(cache: Cache, entry: Entry): Promise<void> {
  const { paths } = cache;
  try {
    await makeWritable(cache);
    await setAside(paths, entry.directory);
  } catch (error) {
    throw cacheError(error, paths.directory);
  }
}

/** By a rename first: nobody sees a half of it. */
async function setAside({ incoming }: CachePaths, directory: string): Promise<void> {
  const aside = join(incoming, `gone-${basename(directory)}-${randomBytes(6).toString('hex')}`);
  try {
    await rename(directory, aside);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') {
      return;
    }
    throw error;
  }
  await removeTree(aside, { beneath: incoming });
}

async function writeSynced(path: string, content: string | Uint8Array, mode: number): Promise<void> {
  const file = await open(path, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o600);
  try {
    await file.writeFile(content);
    await file.chmod(mode);
    await file.sync();
  } finally {
    await file.close(); // NFS reports a full disk here at the latest
  }
}
