/** Compressing the members of a pack, and reading them on nodes that may have no zstd at all. */
import { Readable, type Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import zlib from 'node:zlib';
import { Decompress } from 'fzstd';
import which from 'which';
import type { Environment } from '../process/environment.ts';
import { pipe } from '../process/pipe.ts';
import { invalidPack } from './errors.ts';
import type { Compression } from './manifest.ts';

export type Bytes = AsyncIterable<Uint8Array>;
export type CompressionOptions = { env: Environment; signal?: AbortSignal | undefined };

/** zlib of Node 22.15 and later. */
type ZstdZlib = {
  createZstdCompress?: () => Transform;
  createZstdDecompress?: () => Transform;
};
const { createZstdCompress, createZstdDecompress } = zlib as ZstdZlib;

// zstd's default level. Of the threads two: login nodes are shared, and each takes some 20 MB.
const ZSTD = ['zstd', '-q', '-c', '-3', '-T2'];
// zstd halves an image several times faster than gzip at its default level of 6 does.
const GZIP_LEVEL = 4;
// As long as a member may take; a stalled disk is noticed by whoever waits for the pack.
const TIMEOUT_MS = 4 * 3_600_000;

/** zstd where it can be written here, else gzip. */
export async function bestCompression(env: Environment): Promise<Compression> {
  return createZstdCompress !== undefined || (await hasZstd(env)) ? 'zstd' : 'gzip';
}

export async function* compress(kind: Compression, input: Bytes, options: CompressionOptions): Bytes {
  if (kind === 'none') {
    yield* input;
  } else if (kind === 'gzip') {
    yield* through(input, zlib.createGzip({ level: GZIP_LEVEL }));
  } else if (createZstdCompress !== undefined) {
    yield* through(input, createZstdCompress());
  } else {
    yield* pipe(ZSTD, { ...options, input, timeoutMs: TIMEOUT_MS });
  }
}

/** zstd by Node, the zstd command, or in JavaScript: the slowest, and always there. */
export async function* decompress(kind: Compression, input: Bytes, options: CompressionOptions): Bytes {
  if (kind === 'none') {
    yield* input;
  } else if (kind === 'gzip') {
    yield* through(input, zlib.createGunzip());
  } else if (createZstdDecompress !== undefined) {
    yield* through(input, createZstdDecompress());
  } else if (await hasZstd(options.env)) {
    yield* pipe(['zstd', '-q', '-d', '-c'], { ...options, input, timeoutMs: TIMEOUT_MS });
  } else {
    yield* unzstd(input);
  }
}

/** What a stream is compressed with, by its first bytes; undefined: with something that unet cannot read. */
export function compressionOf(head: Uint8Array): Compression | undefined {
  const starts = (...bytes: number[]) => bytes.every((byte, at) => head[at] === byte);
  if (starts(0x1f, 0x8b)) {
    return 'gzip';
  }
  if (starts(0x28, 0xb5, 0x2f, 0xfd)) {
    return 'zstd';
  }
  const foreign = starts(0xfd, 0x37, 0x7a, 0x58, 0x5a) || starts(0x42, 0x5a, 0x68);
  return foreign ? undefined : 'none';
}

async function hasZstd({ PATH: path = '' }: Environment): Promise<boolean> {
  return (await which('zstd', { path, nothrow: true })) !== null;
}

async function* through(input: Bytes, transform: Transform): Bytes {
  // Its error arrives where the transform is read: pipeline destroys it with that.
  pipeline(Readable.from(input, { objectMode: false }), transform).catch(() => {});
  try {
    yield* transform as AsyncIterable<Buffer>;
  } finally {
    transform.destroy();
  }
}

/** @throws UnetError UNET_PACK_INVALID for what is no zstd; that its end is missing only the checksum tells. */
export async function* unzstd(input: Bytes): Bytes {
  const done: Uint8Array[] = [];
  const decoder = new Decompress((chunk) => void done.push(chunk));
  try {
    for await (const chunk of input) {
      decoder.push(chunk);
      yield* done.splice(0);
    }
    decoder.push(new Uint8Array(0), true);
  } catch (error) {
    // fzstd's own errors have a number.
    if (error instanceof Error && 'code' in error && typeof error.code === 'number') {
      throw invalidPack(`cannot decompress zstd data: ${error.message}`, error);
    }
    throw error;
  }
  yield* done;
}
