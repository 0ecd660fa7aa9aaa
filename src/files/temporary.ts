/** Where small files of this host go that no setting names. */
import { accessSync, constants, statfsSync } from 'node:fs';
import { isAbsolute } from 'node:path';

/** Where an epilog looks, whose TMPDIR is another than its job's. */
export const TEMPORARY_DIRECTORIES = ['/tmp', '/dev/shm'] as const;

// A socket and a few files of some kilobytes.
const ROOM_BYTES = 64 * 1024;

/**
 * TMPDIR if this process can write there, else /tmp, else /dev/shm: a batch system may set a TMPDIR that it has not made. The first one
 * where none will do, so that what is tried there says why.
 */
export function temporaryDirectory({ TMPDIR: given = '' }: NodeJS.ProcessEnv = process.env): string {
  const places = [...(isAbsolute(given) ? [given] : []), ...TEMPORARY_DIRECTORIES];
  return places.find(isUsable) ?? places[0] ?? '/tmp';
}

function isUsable(directory: string): boolean {
  try {
    accessSync(`${directory}/.`, constants.W_OK | constants.X_OK);
    const { blocks, bavail, bsize } = statfsSync(directory);
    // A filesystem without a size says 0 of 0.
    return blocks === 0 || bavail * bsize >= ROOM_BYTES;
  } catch {
    return false;
  }
}
