/**
 * Files that are ours alone, written whole or not at all.
 *
 * Not write-file-atomic (7.0.1): it follows a symbolic link at the destination, opens a guessable temporary name
 * without O_EXCL, and takes a short write on a full disk for success, leaving a truncated file (all three seen).
 */
import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, open, rename, unlink } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { errnoOf } from '../errors.ts';
import { pathError } from './path-error.ts';
import { checkSafeParent, privateFileFlaw, unsafe } from './safe-path.ts';
import { syncDirectory } from './sync-directory.ts';

const DEFAULT_MAX_BYTES = 1024 * 1024;

export type PrivateFileOptions = {
  /** The mode, 0600 if absent. */
  mode?: number;
  /** False for what means nothing after a restart of the machine: it need not be on the disk before the next step. */
  durable?: boolean;
  /** A directory above it, on the same filesystem, for the temporary file; absent: its own. */
  temporary?: string;
};

/**
 * Writes `content` to `path` with its mode from its first moment: to a new file beside it, fsynced, then renamed.
 * A symbolic link at `path` is replaced, not followed.
 *
 * @throws UnetError UNET_UNSAFE_PATH, UNET_DIR_UNWRITABLE or UNET_DISK_FULL; what was at `path` is then untouched.
 */
export async function writePrivateFile(
  path: string,
  content: string | Uint8Array,
  options: PrivateFileOptions = {},
): Promise<void> {
  await createPrivateFile(path, (file) => file.writeFile(content), options);
}

/** As `writePrivateFile`, with the content written by `fill`. Resolves with what `fill` resolves with. */
export async function createPrivateFile<T>(
  path: string,
  fill: (file: FileHandle) => Promise<T>,
  { mode = 0o600, durable = true, temporary: above }: PrivateFileOptions = {},
): Promise<T> {
  const absolute = resolve(path);
  const directory = dirname(absolute);
  const temporary = join(above ?? directory, `.${basename(absolute)}.${randomBytes(8).toString('hex')}.tmp`);
  try {
    await checkSafeParent(directory);
    const file = await open(
      temporary,
      constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW,
      mode,
    );
    try {
      const result = await filled(file, fill, durable);
      await rename(temporary, absolute);
      if (durable) {
        await syncDirectory(directory);
      }
      return result;
    } catch (error) {
      await unlink(temporary).catch(() => {}); // the error that matters is the first one
      throw error;
    }
  } catch (error) {
    throw pathError(error, 'write', absolute);
  }
}

/**
 * The text of a file that must be ours, regular, closed to others and at most `maxBytes` long.
 *
 * @throws UnetError UNET_UNSAFE_PATH; a system error (ENOENT among them) as it is.
 */
export async function readPrivateFile(path: string, { maxBytes = DEFAULT_MAX_BYTES } = {}): Promise<string> {
  const file = await openUnfollowed(path);
  try {
    const stats = await file.stat();
    const flaw = privateFileFlaw(stats);
    if (flaw !== undefined) {
      throw unsafe(path, flaw, 'remove it if it is not yours, or: chmod 600');
    }
    const buffer = Buffer.alloc(maxBytes + 1);
    let length = 0;
    for (let read = -1; read !== 0 && length <= maxBytes; length += read) {
      read = (await file.read(buffer, length, buffer.length - length)).bytesRead;
    }
    if (length > maxBytes) {
      throw unsafe(path, `is longer than ${maxBytes} bytes`, 'unet did not write this file: remove it');
    }
    return buffer.toString('utf8', 0, length);
  } finally {
    await file.close();
  }
}

async function filled<T>(
  file: FileHandle,
  fill: (file: FileHandle) => Promise<T>,
  durable: boolean,
): Promise<T> {
  try {
    const result = await fill(file);
    if (durable) {
      await file.sync();
    }
    return result;
  } finally {
    await file.close(); // NFS reports a full disk here at the latest
  }
}

async function openUnfollowed(path: string): Promise<FileHandle> {
  try {
    // O_NONBLOCK: opening a planted FIFO must not wait for its writer.
    return await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    if (errnoOf(error) === 'ELOOP') {
      throw unsafe(path, 'is a symbolic link', 'remove it');
    }
    throw error;
  }
}
