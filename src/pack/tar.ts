/** The frame of a pack: an ordinary tar whose members lie at known places, so that each can be read by itself. */
import { Header } from 'tar';

export const BLOCK = 512;
/** Two blocks of zeros end an archive (POSIX pax). */
export const END_BYTES = 2 * BLOCK;

// The same for all packs, and not 1970, at which GNU tar and others wonder.
const MTIME = new Date('2020-01-01T00:00:00Z');

/** The header of a file in the archive. @param path at most 100 ASCII characters, `mode` 0644 or 0755. */
export function encodeHeader(path: string, size: number, mode = 0o644): Buffer {
  const block = Buffer.alloc(BLOCK);
  const header = new Header({ path, size, mode, mtime: MTIME, type: 'File', uid: 0, gid: 0 });
  if (header.encode(block)) {
    throw new TypeError(`"${path}" needs an extended header`);
  }
  return block;
}

/** Undefined for what is no header of a regular file. */
export function decodeHeader(block: Buffer): { path: string; size: number } | undefined {
  const { cksumValid, nullBlock, path, size, type } = new Header(block);
  return cksumValid && !nullBlock && path !== undefined && size !== undefined && type === 'File'
    ? { path, size }
    : undefined;
}

/** Bytes of a member with its header and padding. */
export function entryBytes(size: number): number {
  return BLOCK + padded(size);
}

export function padded(size: number): number {
  return Math.ceil(size / BLOCK) * BLOCK;
}
