import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { bestCompression, compress, compressionOf, decompress, unzstd } from '../../src/pack/compression.ts';
import { COMPRESSIONS } from '../../src/pack/manifest.ts';
import { childEnvironment } from '../../src/process/environment.ts';
import { bytesOf } from './image-archives.ts';

const env = childEnvironment(process.env);
const content = Buffer.concat([randomBytes(300_000), Buffer.alloc(3_000_000, 'unet'), randomBytes(7)]);
const withZstd = (await bestCompression(env)) === 'zstd';

async function* inPieces(data: Uint8Array, size = 10_007) {
  for (let at = 0; at < data.length; at += size) {
    yield data.subarray(at, at + size);
  }
}

describe('compression', () => {
  it.each(COMPRESSIONS.filter((kind) => kind !== 'zstd' || withZstd))(
    'by %s gives back what went in',
    async (kind) => {
      const small = await bytesOf(compress(kind, inPieces(content), { env }));
      expect(compressionOf(small)).toBe(kind);
      expect(kind === 'none' || small.length < content.length / 2).toBe(true);
      expect(content.equals(await bytesOf(decompress(kind, inPieces(small), { env })))).toBe(true);
    },
  );

  it('of an error in the input is that error, and no end', async () => {
    const broken = async function* () {
      yield content;
      throw new Error('the disk is gone');
    };
    for (const kind of COMPRESSIONS.filter((one) => one !== 'zstd' || withZstd)) {
      await expect(bytesOf(compress(kind, broken(), { env }))).rejects.toThrow('the disk is gone');
    }
  });

  it('is gzip where there is no zstd at all', async () => {
    if (process.versions.node.startsWith('20.')) {
      expect(await bestCompression({ PATH: '/nonexistent' })).toBe('gzip');
    }
  });

  it('that unet does not read is known by its first bytes', () => {
    expect(compressionOf(Buffer.from('\u00fd7zXZ\u0000', 'latin1'))).toBeUndefined();
    expect(compressionOf(gzipSync('x'))).toBe('gzip');
    expect(compressionOf(Buffer.from('plain'))).toBe('none');
  });
});

describe.skipIf(!withZstd)('zstd on a node without zstd', () => {
  it('is read in JavaScript', async () => {
    const small = await bytesOf(compress('zstd', inPieces(content), { env }));
    expect(content.equals(await bytesOf(unzstd(inPieces(small))))).toBe(true);
  });

  it('reads what the command writes with other settings', async () => {
    const small = execFileSync('zstd', ['-q', '-c', '-12', '--check'], { input: content, env });
    expect(content.equals(await bytesOf(unzstd(inPieces(small))))).toBe(true);
  });

  it('refuses what is none', async () => {
    await expect(bytesOf(unzstd(inPieces(Buffer.alloc(5000, 'x'))))).rejects.toMatchObject({
      code: 'UNET_PACK_INVALID',
    });
  });
});
