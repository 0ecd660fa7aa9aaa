/** Writing and reading release archives: plain tar, the same bytes for the same content. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { posix } from 'node:path';
import { create, extract, Parser, type ReadEntry } from 'tar';
import { errnoOf, errorMessage, UnetError } from '../errors.ts';
import { pathError } from '../files/path-error.ts';
import { createPrivateFile } from '../files/private-file.ts';
import { checkLink, invalidRelease, MAX_BYTES, MAX_ENTRIES, tooBig, tooMany } from './limits.ts';
import { listTree } from './tree.ts';

export type WrittenArchive = { file: string; sha256: string; bytes: number };

// Not 1970, at which GNU tar and others wonder.
const MTIME = new Date('2020-01-01T00:00:00Z');
const EXECUTABLE = 0o100;
// Releases have some 150 KiB: one read.
const READ_BYTES = 1024 * 1024;
// Up to this an archive is extracted in one go. Asynchronously each file's handful of calls would queue for a thread and for a CPU, on
// machines where all CPUs are busy with just this.
const AT_ONCE_BYTES = 8 * 1024 * 1024;

/**
 * Writes the tree at `root` to the private file `destination`. Owners, times, the umask of whoever made the tree,
 * and its hard links leave no trace in it.
 */
export async function writeArchive(
  root: string,
  destination: string,
  { shown = root, signal }: { shown?: string; signal?: AbortSignal | undefined } = {},
): Promise<WrittenArchive> {
  const entries = await listTree(root, shown, signal).catch((error: unknown) => {
    signal?.throwIfAborted();
    throw unreadable(error, shown);
  });
  const pack = create(
    {
      cwd: root,
      portable: true,
      noDirRecurse: true,
      strict: true,
      mtime: MTIME,
      linkCache: new Forgetful(),
      onWriteEntry: (entry) => {
        if (entry.stat !== undefined) {
          entry.stat.mode = plainMode(entry.stat.isDirectory(), entry.stat.mode);
        }
      },
    },
    // "./", for a name that begins with "@" is the name of an archive to include.
    entries.map(({ path }) => `./${path}`),
  );
  // More than one file may fail, and an error after the first has nobody who waits for it.
  let readError: unknown;
  pack.on('error', (error) => {
    readError ??= error;
  });
  const hash = createHash('sha256');
  let bytes = 0;
  await createPrivateFile(destination, async (file) => {
    try {
      for await (const chunk of pack) {
        signal?.throwIfAborted();
        hash.update(chunk);
        bytes += chunk.length;
        await file.appendFile(chunk);
      }
    } catch (error) {
      throw error === readError ? unreadable(error, shown) : error;
    }
  });
  return { file: destination, sha256: hash.digest('hex'), bytes };
}

/**
 * Looks through the whole archive before anything of it is extracted.
 *
 * @throws UnetError UNET_RELEASE_INVALID: not an archive, absolute paths, `..`, links out of the tree, entries
 *   beneath a link, devices, too much.
 */
export async function checkArchive(
  file: string,
  { shown = file, signal }: { shown?: string; signal?: AbortSignal | undefined } = {},
): Promise<void> {
  const check = createEntryCheck(shown);
  const stream = createReadStream(file, { signal, highWaterMark: READ_BYTES });
  try {
    await new Promise<void>((resolve, reject) => {
      const parser = new Parser({
        strict: true,
        onReadEntry: (entry) => {
          try {
            check(entry);
          } catch (error) {
            reject(error);
          }
          entry.resume();
        },
      });
      parser.on('end', resolve);
      parser.on('error', reject);
      stream.on('error', reject);
      stream.pipe(parser);
    });
  } catch (error) {
    signal?.throwIfAborted();
    throw unreadable(error, shown);
  } finally {
    stream.destroy();
  }
}

/** Extracts a checked archive into the empty directory `directory`. */
export async function extractArchive(file: string, directory: string, shown = file): Promise<void> {
  try {
    const { size } = await stat(file);
    await extract({
      file,
      sync: size <= AT_ONCE_BYTES,
      cwd: directory,
      strict: true,
      preserveOwner: false,
      // Sites purge scratch directories by the age of files.
      noMtime: true,
      filter: (_, entry) => {
        if ('type' in entry) {
          entry.mode = plainMode(entry.type === 'Directory', entry.mode ?? 0);
        }
        return true;
      },
    });
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === 'ENAMETOOLONG') {
      // A fault of the archive, not of the directory.
      throw new UnetError(
        'UNET_RELEASE_INVALID',
        `${shown} has a name that is too long for this filesystem`,
        {
          cause: error,
          fatal: true,
          remedy: 'use another release',
        },
      );
    }
    throw errno !== undefined && !errno.startsWith('TAR_')
      ? pathError(error, 'extract to', directory)
      : unreadable(error, shown);
  }
}

function createEntryCheck(shown: string): (entry: ReadEntry) => void {
  const seen = new Map<string, string>();
  let bytes = 0;
  return (entry) => {
    const path = entryPath(entry.path, shown);
    bytes += entry.size;
    if (bytes > MAX_BYTES) {
      throw tooBig(shown);
    }
    if (seen.size >= MAX_ENTRIES) {
      throw tooMany(shown);
    }
    for (let parent = posix.dirname(path); parent !== '.'; parent = posix.dirname(parent)) {
      if ((seen.get(parent) ?? 'Directory') !== 'Directory') {
        throw invalidRelease(`${path} in ${shown} is below something that is not a directory`);
      }
    }
    const before = seen.get(path);
    if (before !== undefined && !(before === 'Directory' && entry.type === 'Directory')) {
      throw invalidRelease(`${path} is in ${shown} twice`);
    }
    checkType(entry, path, seen, shown);
    seen.set(path, entry.type);
  };
}

function checkType(entry: ReadEntry, path: string, seen: Map<string, string>, shown: string): void {
  switch (entry.type) {
    case 'File':
    case 'OldFile':
    case 'ContiguousFile':
    case 'Directory':
      return;
    case 'SymbolicLink':
      checkLink(path, entry.linkpath ?? '', shown);
      return;
    case 'Link': {
      const target = seen.get(entryPath(entry.linkpath ?? '', shown));
      if (target === undefined || target === 'SymbolicLink' || target === 'Directory') {
        throw invalidRelease(
          `the hard link ${path} in ${shown} points to something that is not an earlier file in the archive`,
        );
      }
      return;
    }
    default:
      throw invalidRelease(`${path} in ${shown} is not a file, directory or link but: ${entry.type}`);
  }
}

function entryPath(path: string, shown: string): string {
  const parts = path.split('/').filter((part) => part !== '' && part !== '.');
  if (path.startsWith('/') || parts.includes('..')) {
    throw invalidRelease(`${path} in ${shown} points outside the release`);
  }
  return parts.length === 0 ? '.' : parts.join('/');
}

function plainMode(isDirectory: boolean, mode: number): number {
  return isDirectory || (mode & EXECUTABLE) !== 0 ? 0o755 : 0o644;
}

function unreadable(error: unknown, shown: string): UnetError {
  if (UnetError.is(error)) {
    return error;
  }
  const reason = errorMessage(error); // names the file where it is one of many
  return invalidRelease(`${shown} could not be read: ${reason}`, error);
}

/** A cache that keeps nothing: two names of one file are two files in the archive. */
class Forgetful extends Map {
  override set(): this {
    return this;
  }
}
