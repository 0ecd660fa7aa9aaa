import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { chmod, mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { Header } from 'tar';
import { describe, expect, test } from 'vitest';
import { packRelease } from '../../src/provision/pack-release.ts';
import { stageRelease } from '../../src/provision/stage.ts';
import { asUser, place, USER } from '../files/place.ts';
import { env, FILES, tree } from './releases.ts';

async function packed(files: Record<string, string> = FILES) {
  const destination = join(await place(), 'release.tar');
  const path = await tree(files);
  await symlink('Makefile', join(path, 'link'));
  return packRelease({ kind: 'directory', path }, { destination, rehearsalDir: '/', env, timeoutMs: 10_000 });
}

/** A node's directory, and in it where the release goes. */
async function nodePlace() {
  const node = await place();
  return { node, destination: join(node, 'release') };
}

type Entry = {
  path: string;
  type?: 'File' | 'SymbolicLink' | 'Link' | 'Directory' | 'CharacterDevice' | 'FIFO';
  linkpath?: string;
  text?: string;
};

/** An archive with whatever entries, which no tar would make. */
function archive(...entries: Entry[]) {
  const blocks = entries.flatMap(({ path, type = 'File', linkpath, text = '' }) => {
    const header = new Header({
      path,
      type,
      mode: 0o644,
      size: Buffer.byteLength(text),
      mtime: new Date(0),
      ...(linkpath === undefined ? {} : { linkpath }),
    });
    header.encode();
    const body = Buffer.alloc(Math.ceil(text.length / 512) * 512);
    body.write(text);
    return [header.block ?? Buffer.alloc(0), body];
  });
  const source = Buffer.concat([...blocks, Buffer.alloc(1024)]);
  return { source, sha256: createHash('sha256').update(source).digest('hex') };
}

describe('staging a release', () => {
  test('lays it into a directory of the user alone, with its scripts executable', async () => {
    const { destination } = await nodePlace();
    const { file, sha256 } = await packed();
    expect(await stageRelease({ source: file, sha256, destination })).toEqual({
      directory: destination,
      reused: false,
    });
    const mode = async (name: string) => (await stat(join(destination, name))).mode & 0o777;
    expect([await mode('.'), await mode('Makefile.d/check.sh'), await mode('Makefile')]).toEqual([
      0o700, 0o755, 0o644,
    ]);
    expect(await readFile(join(destination, 'link'), 'utf8')).toBe(FILES.Makefile);
  });

  test('takes it from a path, a buffer or a stream', async () => {
    const { file, sha256 } = await packed();
    const content = await readFile(file);
    for (const source of [
      file,
      content,
      createReadStream(file),
      Readable.from([content.subarray(0, 1000), content.subarray(1000)]),
    ]) {
      const { node, destination } = await nodePlace();
      await stageRelease({ source, sha256, destination });
      expect(await readdir(node)).toEqual(['release']);
      expect(await readFile(join(destination, 'Makefile'), 'utf8')).toBe(FILES.Makefile);
    }
  });

  test('does nothing when the same is there already, and keeps what was made in it', async () => {
    const { destination } = await nodePlace();
    const { file, sha256 } = await packed();
    await stageRelease({ source: file, sha256, destination });
    await writeFile(join(destination, 'kubeconfig'), 'made later');
    expect((await stageRelease({ source: '/not/even/read', sha256, destination })).reused).toBe(true);
    expect(await readFile(join(destination, 'kubeconfig'), 'utf8')).toBe('made later');
  });

  test('replaces another one that was staged there', async () => {
    const { node, destination } = await nodePlace();
    const one = await packed();
    const other = await packed({ ...FILES, extra: '' });
    await stageRelease({ source: other.file, sha256: other.sha256, destination });
    await stageRelease({ source: one.file, sha256: one.sha256, destination });
    expect(await readdir(destination)).not.toContain('extra');
    expect(await readdir(node)).toEqual(['release']);
  });

  test('refuses to replace what it did not make', async () => {
    const { destination } = await nodePlace();
    const { file, sha256 } = await packed();
    await mkdir(destination, { mode: 0o700 });
    await writeFile(join(destination, 'thesis.tex'), '');
    await expect(stageRelease({ source: file, sha256, destination })).rejects.toMatchObject({
      code: 'UNET_UNSAFE_PATH',
    });
    expect(await readdir(destination)).toEqual(['thesis.tex']);
  });

  test('refuses an archive that is not the announced one, before anything is extracted', async () => {
    const { node, destination } = await nodePlace();
    const { file } = await packed();
    const bad = { source: file, sha256: '0'.repeat(64), destination };
    await expect(stageRelease(bad)).rejects.toMatchObject({ code: 'UNET_RELEASE_CHECKSUM' });
    expect(await readdir(node)).toEqual([]);
  });

  test('keeps the earlier one when the new one does not arrive whole', async () => {
    const { node, destination } = await nodePlace();
    const one = await packed();
    await stageRelease({ source: one.file, sha256: one.sha256, destination });
    const breaking = Readable.from(
      (async function* () {
        yield Buffer.from('half');
        throw new Error('the connection broke');
      })(),
    );
    await expect(stageRelease({ source: breaking, sha256: 'f'.repeat(64), destination })).rejects.toThrow(
      'the connection broke',
    );
    expect(await readdir(node)).toEqual(['release']);
    expect((await stageRelease({ source: one.file, sha256: one.sha256, destination })).reused).toBe(true);
  });

  test.each<[string, Entry[]]>([
    ['an absolute path', [{ path: '/tmp/unet-evil' }]],
    ['"..", at the beginning', [{ path: '../evil' }]],
    ['"..", in the middle', [{ path: 'a/../../evil' }]],
    ['a link to an absolute path', [{ path: 'a', type: 'SymbolicLink', linkpath: '/etc' }]],
    ['a link out of the tree', [{ path: 'a/b', type: 'SymbolicLink', linkpath: '../../etc' }]],
    [
      'a link that leads out by way of another',
      [
        { path: 'a', type: 'SymbolicLink', linkpath: '.' },
        { path: 'b', type: 'SymbolicLink', linkpath: 'a/..' },
      ],
    ],
    ['a file beneath a link', [{ path: 'a', type: 'SymbolicLink', linkpath: 'b' }, { path: 'a/evil' }]],
    [
      'a link in place of a directory',
      [{ path: 'a/b' }, { path: 'a', type: 'Directory' }, { path: 'a', type: 'SymbolicLink', linkpath: 'c' }],
    ],
    ['a hard link to what is outside', [{ path: 'a', type: 'Link', linkpath: '/etc/passwd' }]],
    ['a hard link to what is not in it', [{ path: 'a', type: 'Link', linkpath: 'b' }]],
    ['a device', [{ path: 'a', type: 'CharacterDevice' }]],
    ['a pipe', [{ path: 'a', type: 'FIFO' }]],
    ['the same file twice', [{ path: 'a' }, { path: './a' }]],
  ])('refuses an archive with %s, even with the right sum', async (_, entries) => {
    const { node, destination } = await nodePlace();
    const staging = stageRelease({ ...archive({ path: 'Makefile' }, ...entries), destination });
    await expect(staging).rejects.toMatchObject({ code: 'UNET_RELEASE_INVALID' });
    expect(await readdir(node)).toEqual([]);
  });

  test('extracts such an archive when there is nothing wrong with it', async () => {
    const { destination } = await nodePlace();
    const entries: Entry[] = [
      { path: 'Makefile', text: 'up:\n' },
      { path: 'd/', type: 'Directory' },
      { path: 'd/link', type: 'SymbolicLink', linkpath: '../Makefile' },
      { path: 'hard', type: 'Link', linkpath: 'Makefile' },
    ];
    await stageRelease({ ...archive(...entries), destination });
    expect(await readFile(join(destination, 'd', 'link'), 'utf8')).toBe('up:\n');
    expect(await readFile(join(destination, 'hard'), 'utf8')).toBe('up:\n');
  });

  test('stops when it is told, also in the middle of a stream, and leaves nothing', async () => {
    const { node, destination } = await nodePlace();
    const controller = new AbortController();
    const endless = new PassThrough();
    endless.write('first');
    setTimeout(() => controller.abort(new Error('enough')), 20); // when nothing more comes
    const staging = stageRelease({
      source: endless,
      sha256: 'f'.repeat(64),
      destination,
      signal: controller.signal,
    });
    await expect(staging).rejects.toThrow('enough');
    expect(await readdir(node)).toEqual([]);
  });

  test('two at the same time end with one of them', async () => {
    const { node, destination } = await nodePlace();
    const { file, sha256 } = await packed();
    await Promise.all([1, 2, 3].map(() => stageRelease({ source: file, sha256, destination })));
    expect(await readdir(node)).toEqual(['release']);
  });

  test('works for an ordinary user', async () => {
    const node = await place(USER);
    const { file, sha256 } = await packed();
    const source = await readFile(file);
    await asUser(() => stageRelease({ source, sha256, destination: join(node, 'release') }));
    expect((await stat(join(node, 'release', 'Makefile.d', 'check.sh'))).uid).toBe((await stat(node)).uid);
  });

  test('into a place that may not be written says so', async () => {
    const node = await place(USER);
    await chmod(node, 0o500);
    const staging = asUser(() =>
      stageRelease({ source: Buffer.alloc(0), sha256: '', destination: join(node, 'a', 'release') }),
    );
    await expect(staging).rejects.toMatchObject({ code: 'UNET_DIR_UNWRITABLE' });
  });
});
