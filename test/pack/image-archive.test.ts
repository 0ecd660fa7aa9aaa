import { createReadStream } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { watchImageArchive } from '../../src/pack/image-archive.ts';
import { place } from '../files/place.ts';
import { bytesOf, dockerArchive, ociArchive } from './image-archives.ts';

async function watch(file: string) {
  const { bytes, archive } = watchImageArchive(createReadStream(file, { highWaterMark: 1000 }), 'it');
  const passed = await bytesOf(bytes);
  return { passed, ...archive() };
}

describe('an image archive that goes by', () => {
  it('of docker save passes unchanged, and tells its images', async () => {
    const file = join(await place(), 'a.tar');
    const ids = await dockerArchive(
      file,
      { name: 'localhost/one:1', licence: 'MIT', bytes: 300_000 },
      { name: 'localhost/two:2', licence: 'MIT', architecture: 'arm64' },
    );
    const { passed, images, licence } = await watch(file);
    expect(passed.equals(await bytesOf(file))).toBe(true);
    expect(images).toEqual([
      { names: ['localhost/one:1'], id: ids[0], architecture: 'amd64', layers: 1 },
      { names: ['localhost/two:2'], id: ids[1], architecture: 'arm64', layers: 1 },
    ]);
    expect(licence).toBe('MIT');
  });

  it('of an OCI layout tells the same', async () => {
    const file = join(await place(), 'a.tar');
    const id = await ociArchive(file, { name: 'docker.io/library/x:1' });
    const { images, licence } = await watch(file);
    expect(images).toEqual([{ names: ['docker.io/library/x:1'], id, architecture: 'amd64', layers: 1 }]);
    expect(licence).toBeUndefined();
  });

  it.each([
    ['text', 'not a tar at all\n'.repeat(100)],
    ['nothing', ''],
  ])('that is %s is refused by name', async (_, content) => {
    const file = join(await place(), 'a.tar');
    await writeFile(file, content);
    await expect(watch(file)).rejects.toMatchObject({
      code: 'UNET_IMAGE_INVALID',
      message: expect.stringContaining('it is not an image archive'),
    });
  });

  it('that is cut off is refused', async () => {
    const directory = await place();
    const file = join(directory, 'a.tar');
    await dockerArchive(file, { name: 'localhost/one:1', bytes: 50_000 });
    const whole = await bytesOf(file);
    await writeFile(file, whole.subarray(0, whole.length - 20_000));
    await expect(watch(file)).rejects.toMatchObject({ code: 'UNET_IMAGE_INVALID' });
  });
});
