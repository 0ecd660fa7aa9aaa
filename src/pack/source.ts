/** What becomes a member of a pack: where its bytes come from, and what is known of it. */
import { createReadStream } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import type { Engine } from '../engine/engine.ts';
import type { ImageOptions } from '../engine/images.ts';
import { saveImage } from '../engine/save-image.ts';
import { UnetError } from '../errors.ts';
import { type Bytes, compressionOf, decompress } from './compression.ts';
import { watchImageArchive } from './image-archive.ts';
import type { Compression, PackMember } from './manifest.ts';

export type Facts = Pick<PackMember, 'licence' | 'version' | 'images'>;

export type MemberSource = {
  path: string;
  kind: PackMember['kind'];
  /** Changes whenever its content would. */
  key: string;
  mode: number;
  /** Bytes of its content, as far as known. */
  total?: number | undefined;
  /** `facts` may be asked for once all bytes have been read. */
  open: () => { bytes: Bytes; facts: () => Facts };
};

const READ_BYTES = 1024 * 1024;
const HEAD_BYTES = 512;

/** A file that is a member as it is. */
export async function fileSource(
  file: string,
  source: Pick<MemberSource, 'path' | 'kind' | 'mode'>,
  facts: Facts,
): Promise<MemberSource> {
  const { key, size } = await identity(file);
  return {
    ...source,
    key,
    total: size,
    open: () => ({ bytes: createReadStream(file, { highWaterMark: READ_BYTES }), facts: () => facts }),
  };
}

/** An image archive on disk, also one that is compressed. */
export async function imageFileSource(
  file: string,
  source: Pick<MemberSource, 'path' | 'kind'>,
  options: ImageOptions,
): Promise<MemberSource> {
  const { key, size, head } = await identity(file);
  const compression = readableCompression(file, head);
  return {
    ...source,
    key,
    mode: 0o644,
    total: compression === 'none' ? size : undefined,
    open: () => {
      const stored = createReadStream(file, { highWaterMark: READ_BYTES });
      return watched(decompress(compression, stored, options), file);
    },
  };
}

/** An image that a container engine has. */
export function imageNameSource(
  { engine, name, id, size }: { engine: Engine; name: string; id: string; size: number | undefined },
  source: Pick<MemberSource, 'path' | 'kind'>,
  options: ImageOptions,
): MemberSource {
  return {
    ...source,
    key: `${name} ${id}`,
    mode: 0o644,
    total: size,
    open: () => watched(saveImage(engine, name, options), `what ${engine.name} saved of ${name}`),
  };
}

/** `images/3-flannel.tar`: numbered, since names of images do not fit into names of files. */
export function imagePath(index: number, name: string): string {
  const word = basename(name)
    .replace(/(\.tar)?(\.gz|\.zst)?$/, '')
    .replace(/[^A-Za-z0-9._-]+/g, '-')
    .slice(0, 60);
  return `images/${index + 1}-${word}.tar`;
}

function watched(input: Bytes, shown: string): ReturnType<MemberSource['open']> {
  const { bytes, archive } = watchImageArchive(input, shown);
  return {
    bytes,
    facts: () => {
      const { images, licence } = archive();
      return { images, ...(licence === undefined ? {} : { licence }) };
    },
  };
}

async function identity(file: string): Promise<{ key: string; size: number; head: Buffer }> {
  try {
    const { size, mtimeMs, ino } = await stat(file);
    const handle = await open(file, 'r');
    try {
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(HEAD_BYTES), 0, HEAD_BYTES, 0);
      return { key: `${file} ${size} ${mtimeMs} ${ino}`, size, head: buffer.subarray(0, bytesRead) };
    } finally {
      await handle.close();
    }
  } catch (error) {
    throw new UnetError('UNET_IMAGE_NOT_FOUND', `${file} cannot be read: ${(error as Error).message}`, {
      cause: error,
      fatal: true,
    });
  }
}

function readableCompression(file: string, head: Buffer): Compression {
  const compression = compressionOf(head);
  if (compression === undefined) {
    throw new UnetError('UNET_IMAGE_INVALID', `${file} uses a compression that unet cannot read`, {
      fatal: true,
      remedy: 'use an uncompressed file, or one compressed with gzip or zstd',
    });
  }
  return compression;
}
