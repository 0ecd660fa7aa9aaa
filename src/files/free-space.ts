/** How much room there is. */
import { statfs } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { errnoOf } from '../errors.ts';

/** Bytes that an ordinary user may still write to the filesystem of `path`, which need not exist yet. Quotas are not seen. */
export async function freeBytes(path: string): Promise<number> {
  const absolute = resolve(path);
  try {
    const { bavail, bsize } = await statfs(absolute);
    return bavail * bsize;
  } catch (error) {
    const parent = dirname(absolute);
    if (errnoOf(error) !== 'ENOENT' || parent === absolute) {
      throw error;
    }
    return freeBytes(parent);
  }
}
