import { createHash } from 'node:crypto';
import { appendFile, chmod, open, readdir, readFile, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { describe, expect, it } from 'vitest';
import { MANIFEST_BYTES } from '../../src/pack/manifest.ts';
import { memberContent, openPack, verifyMembers } from '../../src/pack/reader.ts';
import { BLOCK } from '../../src/pack/tar.ts';
import { place } from '../files/place.ts';
import { program, scratch } from '../process/scratch.ts';
import { bytesOf, dockerArchive } from './image-archives.ts';
import { env, Workbench } from './packs.ts';

/** Overwrites one byte. */
async function flip(file: string, at: number): Promise<void> {
  const handle = await open(file, 'r+');
  const { buffer } = await handle.read(Buffer.alloc(1), 0, 1, at);
  await handle.write(Buffer.from([(buffer[0] ?? 0) ^ 0xff]), 0, 1, at);
  await handle.close();
}

describe('a pack', () => {
  it('has the release, kubectl and images, with what is known of each', async () => {
    const bench = await Workbench.open({ licence: 'Apache-2.0' });
    const [id] = await dockerArchive(bench.path('cni.tar'), { name: 'docker.io/x/cni:2' });
    const kubectl = program(
      scratch(),
      'kubectl',
      '#!/bin/sh\necho \'{"clientVersion":{"gitVersion":"v1.34.2"}}\'\n',
    );
    const { bytes, manifest } = await bench.create({ images: ['cni.tar'], kubectl });
    expect(bytes).toBe((await stat(bench.destination)).size);
    const pack = await openPack(bench.destination);
    await verifyMembers(pack);
    expect(pack.manifest).toEqual(manifest);
    expect(manifest).toMatchObject({ architecture: 'amd64', release: { reference: bench.release } });
    expect(manifest.members).toMatchObject([
      { path: 'release.tar.gz', kind: 'release', contentSha256: manifest.release.sha256 },
      { path: 'bin/kubectl.gz', kind: 'kubectl', version: 'v1.34.2', licence: 'Apache-2.0' },
      {
        path: 'node-image.tar.gz',
        kind: 'node-image',
        licence: 'Apache-2.0',
        images: [{ names: ['localhost/node:1'] }],
      },
      { path: 'images/1-cni.tar.gz', kind: 'image', images: [{ names: ['docker.io/x/cni:2'], id }] },
    ]);
    const member = manifest.members[3];
    expect(member !== undefined && (await bytesOf(memberContent(pack, member, { env })))).toEqual(
      await bytesOf(bench.path('cni.tar')),
    );
  });

  it('is an ordinary tar, whose manifest comes first and whose seal sha256sum understands', async () => {
    const bench = await Workbench.open();
    await bench.create();
    const out = await place();
    const listed = await execa('tar', ['-xvf', bench.destination, '-C', out]);
    expect(listed.stdout.split('\n')).toEqual([
      'manifest.json',
      'release.tar.gz',
      'node-image.tar.gz',
      'manifest.sha256',
    ]);
    await execa('sha256sum', ['-c', 'manifest.sha256'], { cwd: out });
    expect(JSON.parse(await readFile(join(out, 'manifest.json'), 'utf8'))).toMatchObject({
      format: 'unet-pack',
    });
    const image = await execa('gzip', ['-dc', join(out, 'node-image.tar.gz')], { encoding: 'buffer' });
    expect(Buffer.from(image.stdout).equals(await readFile(bench.path('node.tar')))).toBe(true);
  });

  it('can be read by everybody, and leaves nothing beside it', async () => {
    const bench = await Workbench.open();
    await bench.create();
    expect((await stat(bench.destination)).mode & 0o777).toBe(0o644);
    expect((await readdir(bench.directory)).filter((name) => name.startsWith('out'))).toEqual(['out.pack']);
  });

  it('takes an archive that is compressed for what is in it', async () => {
    const bench = await Workbench.open();
    await execa('gzip', [bench.path('node.tar')]);
    const { manifest } = await bench.create({ nodeImage: 'node.tar.gz' });
    expect(manifest.members[1]?.images?.[0]?.names).toEqual(['localhost/node:1']);
  });

  it.each([
    [
      'images of two architectures',
      'UNET_PACK_ARCHITECTURE',
      { architecture: 'arm64', name: 'a:1' },
      'image',
    ],
    ['a node image without a name', 'UNET_IMAGE_INVALID', {}, 'node'],
  ] as const)('is not made of %s', async (_, code, image, which) => {
    const bench = await Workbench.open();
    await dockerArchive(bench.path('other.tar'), image);
    const made = bench.create(which === 'node' ? { nodeImage: 'other.tar' } : { images: ['other.tar'] });
    await expect(made).rejects.toMatchObject({ code });
    await expect(stat(bench.destination)).rejects.toThrow('ENOENT');
  });

  it('of an archive that is not there is refused before anything is fetched', async () => {
    const bench = await Workbench.open();
    await expect(bench.create({ images: ['./cni.tar'] })).rejects.toMatchObject({
      code: 'UNET_IMAGE_NOT_FOUND',
    });
    expect(bench.events).toEqual([]);
  });
});

describe('an interrupted run', () => {
  it('goes on without making again what it had finished', async () => {
    const bench = await Workbench.open();
    await dockerArchive(bench.path('one.tar'), { name: 'a:1' });
    await writeFile(bench.path('two.tar'), 'not yet an image');
    const images = ['one.tar', 'two.tar'];
    await expect(bench.create({ images })).rejects.toMatchObject({ code: 'UNET_IMAGE_INVALID' });
    expect(bench.members()).toEqual([
      'release.tar.gz done',
      'node-image.tar.gz done',
      'images/1-one.tar.gz done',
    ]);
    await dockerArchive(bench.path('two.tar'), { name: 'b:2' });
    await bench.create({ images });
    expect(bench.members()).toEqual([
      'release.tar.gz kept',
      'node-image.tar.gz kept',
      'images/1-one.tar.gz kept',
      'images/2-two.tar.gz done',
    ]);
    await verifyMembers(await openPack(bench.destination));
  });

  it('makes again what has changed meanwhile, and all behind it', async () => {
    const bench = await Workbench.open();
    await expect(bench.create({ images: ['node.tar', 'release'] })).rejects.toThrow();
    bench.members();
    await dockerArchive(bench.path('node.tar'), { name: 'localhost/node:2' });
    const { manifest } = await bench.create({ images: ['node.tar'] });
    expect(bench.members()).toEqual([
      'release.tar.gz kept',
      'node-image.tar.gz done',
      'images/1-node.tar.gz done',
    ]);
    expect(manifest.members[1]?.images?.[0]?.names).toEqual(['localhost/node:2']);
    await verifyMembers(await openPack(bench.destination));
  });

  it('by a signal leaves no pack', async () => {
    const bench = await Workbench.open();
    const aborting = new AbortController();
    const made = bench.create({
      signal: aborting.signal,
      onEvent: (event) => {
        if (event.type === 'member' && event.path.startsWith('node-image')) {
          aborting.abort(new Error('enough'));
        }
      },
    });
    await expect(made).rejects.toThrow('enough');
    await expect(stat(bench.destination)).rejects.toThrow('ENOENT');
    await bench.create();
    expect(bench.members()).toEqual(['release.tar.gz kept', 'node-image.tar.gz done']);
  });

  it('whose partial file was cut begins again', async () => {
    const bench = await Workbench.open();
    await expect(bench.create({ images: ['release'] })).rejects.toThrow();
    bench.members();
    await truncate(`${bench.destination}.partial`, 1000);
    await bench.create();
    expect(bench.members()).toEqual(['release.tar.gz done', 'node-image.tar.gz done']);
    await verifyMembers(await openPack(bench.destination));
  });
});

describe('a pack that is not right is refused', () => {
  const made = async () => {
    const bench = await Workbench.open({ bytes: 100_000 });
    const { bytes } = await bench.create();
    return { file: bench.destination, bytes };
  };

  it('when it is not there', async () => {
    await expect(openPack('/nonexistent/x.pack')).rejects.toMatchObject({
      code: 'UNET_PACK_NOT_FOUND',
      exitCode: 2,
    });
  });

  it.each(['', 'text', 'x'.repeat(300_000)])('when it is none', async (content) => {
    const file = join(await place(), 'x.pack');
    await writeFile(file, content);
    await expect(openPack(file)).rejects.toMatchObject({ code: 'UNET_PACK_INVALID', exitCode: 3 });
  });

  it.each([600, BLOCK + 5000, 50_000])('when %i bytes are missing at its end', async (missing) => {
    const { file, bytes } = await made();
    await truncate(file, bytes - missing);
    await expect(openPack(file)).rejects.toMatchObject({
      code: 'UNET_PACK_INVALID',
      message: expect.stringContaining(`it has ${bytes - missing} of ${bytes} bytes`),
    });
  });

  it('when it is cut within its manifest', async () => {
    const { file } = await made();
    await truncate(file, 5000);
    await expect(openPack(file)).rejects.toMatchObject({ code: 'UNET_PACK_INVALID' });
  });

  it('when something is behind its end', async () => {
    const { file } = await made();
    await appendFile(file, 'more');
    await expect(openPack(file)).rejects.toMatchObject({ code: 'UNET_PACK_INVALID' });
  });

  it('when a byte of a member is another, which its checksum tells', async () => {
    const { file, bytes } = await made();
    await flip(file, bytes - 20_000);
    await expect(verifyMembers(await openPack(file))).rejects.toMatchObject({
      code: 'UNET_PACK_CHECKSUM',
      exitCode: 3,
      message: expect.stringContaining('node-image.tar.gz'),
    });
  });

  it('when its manifest says something else', async () => {
    const { file } = await made();
    const handle = await open(file, 'r+');
    const text = (
      await handle.read(Buffer.alloc(MANIFEST_BYTES), 0, MANIFEST_BYTES, BLOCK)
    ).buffer.toString();
    await handle.write(text.replace('"amd64"', '"arm64"'), BLOCK);
    await handle.close();
    await expect(openPack(file)).rejects.toMatchObject({
      code: 'UNET_PACK_CHECKSUM',
      message: expect.stringMatching(/the manifest of .* was changed/),
    });
  });

  it.each([
    ['leads out of it', '../../etc/passwd'],
    ['is absolute', '/etc/passwd'],
    ['is hidden', '.bashrc'],
  ])('when a member’s path %s, though its seal is right', async (_, path) => {
    const { file } = await made();
    await resealed(file, (text) => text.replace(/"path": "node-image.tar.gz"/, `"path": "${path}"`));
    await expect(openPack(file)).rejects.toMatchObject({ code: 'UNET_PACK_INVALID' });
  });

  it('when it is of a later format, which names both', async () => {
    const { file } = await made();
    await resealed(file, (text) => text.replace('"version": 1', '"version": 2'));
    await expect(openPack(file)).rejects.toMatchObject({
      code: 'UNET_PACK_INVALID',
      message: expect.stringContaining('has format 2 of unet 0.0.0-test; this unet reads format 1'),
    });
  });

  it('when everybody can write it', async () => {
    const { file } = await made();
    await chmod(file, 0o666);
    await expect(openPack(file)).rejects.toMatchObject({ code: 'UNET_UNSAFE_PATH' });
  });
});

/** Changes the manifest and its seal, as somebody would who means it. */
async function resealed(file: string, change: (text: string) => string): Promise<void> {
  const all = await readFile(file);
  const text = Buffer.alloc(MANIFEST_BYTES, ' ');
  text.write(change(all.toString('utf8', BLOCK, BLOCK + MANIFEST_BYTES).trimEnd()));
  text.copy(all, BLOCK);
  const seal = `${createHash('sha256').update(text).digest('hex')}  manifest.json\n`;
  all.write(seal, all.length - 3 * BLOCK);
  await writeFile(file, all);
}
