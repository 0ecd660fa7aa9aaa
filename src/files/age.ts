/** How old a file is, by the clock of whoever keeps it: the hosts of a job may disagree by minutes. */
import { randomBytes } from 'node:crypto';
import { open, stat, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/**
 * Milliseconds since `path` was last written. Both ends are stamped by the file's own server, for which a file is made
 * beside it and removed again; undefined where that is not possible, or `path` is not there.
 */
export async function ageOf(path: string): Promise<number | undefined> {
  const probe = join(dirname(path), `.now-${randomBytes(8).toString('hex')}`);
  try {
    const file = await open(probe, 'wx', 0o600);
    try {
      // A write, since some servers let the client stamp an empty file.
      await file.write('\n');
      const [now, { mtimeMs }] = await Promise.all([file.stat(), stat(path)]);
      return now.mtimeMs - mtimeMs;
    } finally {
      await file.close();
      await unlink(probe);
    }
  } catch {
    return undefined; // gone, read-only or full: the caller has another way
  }
}
