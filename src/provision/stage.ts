/** The release in a node's own directory: whole and as announced, or not at all. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, mkdtemp, open, readdir, rename } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { addAbortSignal, Readable } from 'node:stream';
import { errnoOf, UnetError } from '../errors.ts';
import { pathError } from '../files/path-error.ts';
import { ensurePrivateDirectory } from '../files/private-directory.ts';
import { readPrivateFile, writePrivateFile } from '../files/private-file.ts';
import { removeTree } from '../files/remove-tree.ts';
import { lstatOrUndefined, unsafe, verifyPrivateDirectory } from '../files/safe-path.ts';
import { checkArchive, extractArchive } from './archive.ts';
import { MAX_BYTES, tooBig } from './limits.ts';

export type StageOptions = {
  /** Path of the archive, or the archive itself. */
  source: string | Uint8Array | Readable;
  /** Of the archive, 64 hexadecimal digits. */
  sha256: string;
  /** The release's directory, made with mode 0700; its parent is made private too if it is missing. */
  destination: string;
  signal?: AbortSignal | undefined;
};

export type StagedRelease = {
  directory: string;
  /** It was there already, from an earlier try. */
  reused: boolean;
};

const MARKER = '.unet-release';
// Releases have some 150 KiB: one read, since every node asks the file server.
const READ_BYTES = 1024 * 1024;
const OCCUPIED = new Set(['ENOTEMPTY', 'EEXIST']);
// Headers and padding of as many entries as a release may have, generously.
const MAX_ARCHIVE_BYTES = MAX_BYTES + 64 * 1024 * 1024;

/**
 * Copies the archive into a private directory, checks its sum, then its entries, extracts it, and renames the result
 * to `destination`. An earlier release there that was staged by this function is replaced.
 *
 * @throws UnetError UNET_RELEASE_CHECKSUM, UNET_RELEASE_INVALID, UNET_UNSAFE_PATH, UNET_DIR_UNWRITABLE, UNET_DISK_FULL.
 */
export async function stageRelease({
  source,
  sha256,
  destination,
  signal,
}: StageOptions): Promise<StagedRelease> {
  signal?.throwIfAborted();
  const directory = resolve(destination);
  const parent = dirname(directory);
  await ensurePrivateDirectory(parent);
  const staged = await stagedSum(directory);
  if (staged === sha256) {
    discard(source);
    return { directory, reused: true };
  }
  const temporary = await mkdtemp(join(parent, `.${basename(directory)}-`)).catch((error: unknown) => {
    throw pathError(error, 'write to', parent);
  });
  try {
    const archive = join(temporary, 'release.tar');
    const tree = join(temporary, 'tree');
    await receive(source, archive, sha256, signal);
    await checkArchive(archive, { shown: 'the release', signal });
    await mkdir(tree, 0o700);
    await extractArchive(archive, tree, 'the release');
    await writePrivateFile(join(tree, MARKER), `${sha256}\n`, { durable: false });
    signal?.throwIfAborted();
    if (staged !== undefined) {
      await rename(directory, join(temporary, 'earlier'));
    }
    return { directory, reused: !(await moveInto(tree, directory, sha256)) };
  } catch (error) {
    signal?.throwIfAborted();
    throw pathError(error, 'stage the release to', directory);
  } finally {
    discard(source);
    await removeTree(temporary, { beneath: parent });
  }
}

/** False when another process has just staged the same there. */
async function moveInto(tree: string, directory: string, sha256: string): Promise<boolean> {
  try {
    await rename(tree, directory);
    return true;
  } catch (error) {
    if (OCCUPIED.has(errnoOf(error) ?? '') && (await stagedSum(directory)) === sha256) {
      return false;
    }
    throw error;
  }
}

/** The sum of what is staged at `directory`; undefined: nothing is there, or an empty directory. */
async function stagedSum(directory: string): Promise<string | undefined> {
  if ((await lstatOrUndefined(directory)) === undefined) {
    return undefined;
  }
  await verifyPrivateDirectory(directory);
  try {
    return (await readPrivateFile(join(directory, MARKER))).trim();
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') {
      throw error;
    }
    if ((await readdir(directory)).length > 0) {
      throw unsafe(directory, 'already exists, and unet did not stage it');
    }
    return undefined;
  }
}

/** Copies `source` to the new file `path`. What is checked must be what is extracted, so it is copied before. */
async function receive(
  source: StageOptions['source'],
  path: string,
  sha256: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  const hash = createHash('sha256');
  let bytes = 0;
  const file = await open(path, 'wx', 0o600);
  try {
    for await (const chunk of chunksOf(source, signal)) {
      signal?.throwIfAborted();
      bytes += chunk.length;
      if (bytes > MAX_ARCHIVE_BYTES) {
        throw tooBig('the release');
      }
      hash.update(chunk);
      await file.appendFile(chunk);
    }
  } catch (error) {
    signal?.throwIfAborted();
    throw pathError(error, 'copy the release to', path);
  } finally {
    await file.close();
  }
  const actual = hash.digest('hex');
  if (actual !== sha256) {
    throw new UnetError(
      'UNET_RELEASE_CHECKSUM',
      `the release arrived damaged: its checksum is ${actual}, not ${sha256}`,
      {
        remedy:
          'try again; if the error persists, the archive was changed after it was packed, or the disk is faulty',
      },
    );
  }
}

function chunksOf(
  source: StageOptions['source'],
  signal: AbortSignal | undefined,
): AsyncIterable<Buffer> | Iterable<Uint8Array> {
  if (typeof source === 'string') {
    return createReadStream(source, { signal, highWaterMark: READ_BYTES });
  }
  if (source instanceof Readable) {
    return signal === undefined ? source : addAbortSignal(signal, source);
  }
  return [source];
}

function discard(source: StageOptions['source']): void {
  if (source instanceof Readable) {
    source.destroy();
  }
}
