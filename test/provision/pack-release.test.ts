import { execFileSync } from 'node:child_process';
import { chmod, link, mkdir, readdir, stat, symlink, truncate, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { describe, expect, onTestFinished, test } from 'vitest';
import { packRelease } from '../../src/provision/pack-release.ts';
import type { LocalReference, RemoteReference } from '../../src/provision/reference.ts';
import { asUser, isRoot, place, USER } from '../files/place.ts';
import { env, FILES, git, repository, tree } from './releases.ts';

async function pack(
  reference: LocalReference | RemoteReference,
  changes: Partial<Parameters<typeof packRelease>[1]> = {},
) {
  const destination = join(await place(), 'release.tar');
  return packRelease(reference, {
    destination,
    rehearsalDir: '/nonexistent',
    env,
    timeoutMs: 20_000,
    ...changes,
  });
}

const packDirectory = (path: string) => pack({ kind: 'directory', path });

async function listed(file: string): Promise<string[]> {
  const { stdout } = await execa`tar -tf ${file}`;
  return stdout.split('\n').map((line) => line.replace(/^\.\//, ''));
}

describe('packing a directory', () => {
  test('gives one plain archive for the user’s eyes only, which tar can read', async () => {
    const packed = await packDirectory(await tree());
    expect(await listed(packed.file)).toEqual([
      'Makefile',
      'Makefile.d/',
      'Makefile.d/check.sh',
      'docker-compose.yaml',
    ]);
    const { mode, size } = await stat(packed.file);
    expect([mode & 0o777, size]).toEqual([0o600, packed.bytes]);
    expect(execFileSync('sha256sum', [packed.file], { encoding: 'utf8' })).toContain(packed.sha256);
  });

  test('gives the same bytes for the same content, whoever made it, when and with which umask', async () => {
    const one = await tree({ ...FILES, copy: FILES.Makefile ?? '' });
    const other = await tree(Object.fromEntries(Object.entries(FILES).reverse()));
    await chmod(join(other, 'Makefile'), 0o600);
    await chmod(join(other, 'Makefile.d'), 0o2775);
    await chmod(join(other, 'Makefile.d/check.sh'), 0o700);
    await utimes(join(other, 'Makefile'), 1, 1);
    await link(join(other, 'Makefile'), join(other, 'copy'));
    expect((await packDirectory(other)).sha256).toBe((await packDirectory(one)).sha256);
  });

  test('gives other bytes for other content, another name, or another executable', async () => {
    const first = await packDirectory(await tree());
    for (const change of [{ 'docker-compose.yaml': 'other' }, { another: '' }]) {
      expect((await packDirectory(await tree({ ...FILES, ...change }))).sha256).not.toBe(first.sha256);
    }
    const executable = await tree();
    await chmod(join(executable, 'Makefile'), 0o755);
    expect((await packDirectory(executable)).sha256).not.toBe(first.sha256);
  });

  test('leaves out git’s files and what earlier use left behind, but not their namesakes deeper down', async () => {
    const leftOvers = {
      kubeconfig: 'secret',
      'join-command': 'secret',
      kubectl: 'big',
      '.rehearsal/state': '',
      '.git/config': '',
    };
    const used = await packDirectory(await tree({ ...FILES, ...leftOvers }));
    expect(used.sha256).toBe((await packDirectory(await tree())).sha256);
    const deeper = await packDirectory(await tree({ ...FILES, 'bin/kubectl': '' }));
    expect(await listed(deeper.file)).toContain('bin/kubectl');
  });

  test('takes strange names as they are', async () => {
    const names = ['@archive', '-v', ' spaced', 'naïve', 'new\nline', `${'long'.repeat(40)}`];
    const directory = await tree({ ...FILES, ...Object.fromEntries(names.map((name) => [name, name])) });
    const { file } = await packDirectory(directory);
    const into = await place();
    await execa`tar -xf ${file} -C ${into}`;
    expect((await readdir(into)).sort()).toEqual((await readdir(directory)).sort());
  });

  test('keeps links within the release, and refuses those that lead out', async () => {
    const good = await tree();
    await symlink('../Makefile', join(good, 'Makefile.d', 'up'));
    await symlink('Makefile.d', join(good, 'down'));
    expect(await listed((await packDirectory(good)).file)).toContain('Makefile.d/up');
    for (const target of ['/etc/passwd', '../outside', 'Makefile.d/../../outside', '../../x', 'down/..']) {
      const bad = await tree();
      await symlink(target, join(bad, 'link'));
      await expect(packDirectory(bad)).rejects.toMatchObject({
        code: 'UNET_RELEASE_INVALID',
        message: expect.stringContaining(`the link link in ${bad} points outside the release`),
      });
    }
  });

  test('refuses what is no release: without a Makefile, too big, too many files, a pipe', async () => {
    await expect(packDirectory(await tree({ README: '' }))).rejects.toMatchObject({
      code: 'UNET_RELEASE_INVALID',
    });

    const big = await tree();
    await writeFile(join(big, 'image'), '');
    await truncate(join(big, 'image'), 257 * 1024 * 1024);
    await expect(packDirectory(big)).rejects.toMatchObject({
      message: expect.stringContaining('more than 256 MiB'),
    });

    const many = await tree();
    execFileSync('sh', ['-c', 'mkdir many && cd many && seq 20000 | xargs touch'], { cwd: many });
    await expect(packDirectory(many)).rejects.toMatchObject({
      message: expect.stringContaining('more than 20000 files'),
    });

    const pipe = await tree();
    execFileSync('mkfifo', [join(pipe, 'pipe')]);
    await expect(packDirectory(pipe)).rejects.toMatchObject({ message: expect.stringContaining('pipe in') });
  });

  test('names a file that may not be read', async () => {
    const directory = await tree();
    await chmod(directory, 0o755);
    await chmod(join(directory, 'Makefile'), 0);
    const destination = join(await place(USER), 'release.tar');
    const packing = asUser(() =>
      packRelease(
        { kind: 'directory', path: directory },
        { destination, rehearsalDir: '/', env, timeoutMs: 1000 },
      ),
    );
    await expect(packing).rejects.toMatchObject({ message: expect.stringContaining('Makefile') });
    expect(await readdir(join(destination, '..'))).toEqual([]);
  });

  test('stops when it is told, and leaves nothing', async () => {
    const destination = join(await place(), 'release.tar');
    const signal = AbortSignal.abort(new Error('enough'));
    await expect(pack({ kind: 'directory', path: await tree() }, { destination, signal })).rejects.toThrow(
      'enough',
    );
    expect(await readdir(join(destination, '..'))).toEqual([]);
  });

  test.runIf(isRoot)('onto a full disk says so, and leaves nothing', async ({ skip }) => {
    const disk = await place();
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k,mode=700', 'tmpfs', disk]);
    } catch {
      skip('mounting is not permitted here');
    }
    onTestFinished(() => void execFileSync('umount', [disk]));
    const big = await tree({ ...FILES, big: 'x'.repeat(200_000) });
    const packing = pack({ kind: 'directory', path: big }, { destination: join(disk, 'release.tar') });
    await expect(packing).rejects.toMatchObject({ code: 'UNET_DISK_FULL' });
    expect(await readdir(disk)).toEqual([]);
  });
});

describe('packing the rehearsal', () => {
  test('takes the release that came with unet', async () => {
    const packed = await pack({ kind: 'rehearsal' }, { rehearsalDir: await tree() });
    expect(packed.description).toBe('rehearsal');
    expect(packed.sha256).toBe((await packDirectory(await tree())).sha256);
  });

  test('gives what was packed when unet was built, for the user’s eyes only', async () => {
    const rehearsalDir = new URL('../../dist/rehearsal', import.meta.url).pathname;
    const { file, ...packed } = await pack({ kind: 'rehearsal' }, { rehearsalDir });
    const { sha256, bytes } = await packDirectory(rehearsalDir);
    expect(packed).toEqual({ sha256, bytes, description: 'rehearsal' });
    expect((await stat(file)).mode & 0o777).toBe(0o600);
  });
});

describe('packing an archive', () => {
  test.each(['release.tar', 'release.tar.gz', 'release.tgz'])(
    'gives what packing its content gives: %s',
    async (name) => {
      const directory = await tree();
      const archive = join(await place(), name);
      await execa`tar -c${name.endsWith('.tar') ? '' : 'z'}f ${archive} -C ${directory} .`;
      expect((await pack({ kind: 'tarball', path: archive })).sha256).toBe(
        (await packDirectory(directory)).sha256,
      );
    },
  );

  test('takes away the one directory that it is all in, as GitHub makes it', async () => {
    const { directory } = await repository();
    const archive = join(await place(), 'release.tar.gz');
    await git(directory, 'archive', '--prefix=usernetes-1/', '-o', archive, 'v1');
    const packed = await pack({ kind: 'tarball', path: archive });
    expect(packed.sha256).toBe((await packDirectory(await tree())).sha256);
    expect(packed.description).toBe(archive);
  });

  test('refuses one that is damaged, empty, or no archive at all', async () => {
    const directory = await place();
    const good = join(directory, 'good.tar.gz');
    await execa`tar -czf ${good} -C ${await tree()} .`;
    await truncate(good, (await stat(good)).size - 30);
    await writeFile(join(directory, 'empty.tar'), '');
    await writeFile(join(directory, 'text.tar'), 'hello\n'.repeat(1000));
    for (const name of ['good.tar.gz', 'empty.tar', 'text.tar']) {
      await expect(pack({ kind: 'tarball', path: join(directory, name) })).rejects.toMatchObject({
        code: 'UNET_RELEASE_INVALID',
      });
    }
  });

  test('refuses one that would write outside, and writes nothing anywhere', async () => {
    const outside = await place();
    const archive = join(outside, 'bad.tar');
    await writeFile(join(outside, 'evil'), '');
    await mkdir(join(outside, 'in'));
    await execa({ cwd: join(outside, 'in') })`tar -cPf ${archive} ../evil`;
    const destination = join(await place(), 'release.tar');
    await expect(pack({ kind: 'tarball', path: archive }, { destination })).rejects.toMatchObject({
      code: 'UNET_RELEASE_INVALID',
    });
    expect(await readdir(join(destination, '..'))).toEqual([]);
  });
});

describe('packing a version of a git repository', () => {
  test('takes a tag, an old one too, and says which commit it is', async () => {
    const { url, commits } = await repository();
    const packed = await pack({ kind: 'git', url, ref: 'v1' });
    expect(packed.sha256).toBe((await packDirectory(await tree())).sha256);
    expect(packed.description).toBe(`${url}#v1 (commit ${commits[0].slice(0, 12)})`);
  });

  test('takes a commit, written in full or short, whatever the server lets one fetch', async () => {
    const { url, commits } = await repository();
    const expected = (await packDirectory(await tree())).sha256;
    for (const ref of [commits[0], commits[0].slice(0, 9)]) {
      expect((await pack({ kind: 'git', url, ref })).sha256).toBe(expected);
    }
    const oldServer = {
      ...env,
      GIT_CONFIG_COUNT: '1',
      GIT_CONFIG_KEY_0: 'protocol.version',
      GIT_CONFIG_VALUE_0: '0',
    };
    expect((await pack({ kind: 'git', url, ref: commits[0] }, { env: oldServer })).sha256).toBe(expected);
  });

  test('is not changed by how the user’s git treats line ends and hooks', async () => {
    const { url } = await repository();
    const home = await place();
    await writeFile(join(home, '.gitconfig'), '[core]\n\tautocrlf = true\n\thooksPath = /nonexistent\n');
    const packed = await pack({ kind: 'git', url, ref: 'v1' }, { env: { ...env, HOME: home } });
    expect(packed.sha256).toBe((await packDirectory(await tree())).sha256);
  });

  test('leaves nothing but the archive, whether it worked or not', async () => {
    const { url } = await repository();
    const destination = join(await place(), 'release.tar');
    const left = () => readdir(join(destination, '..'));
    await expect(pack({ kind: 'git', url, ref: 'v9' }, { destination })).rejects.toThrow();
    expect(await left()).toEqual([]);
    await pack({ kind: 'git', url, ref: 'v2' }, { destination });
    expect(await left()).toEqual(['release.tar']);
  });

  test.each([
    ['v9', /Remote branch v9 not found/],
    ['0123456', /Needed a single revision|unknown revision|ambiguous argument/],
    [
      '0123456789012345678901234567890123456789',
      /not our ref|Needed a single revision|unknown revision|bad object/,
    ],
  ])('shows what git says of a version that is not there: %s', async (ref, said) => {
    const { url } = await repository();
    await expect(pack({ kind: 'git', url, ref })).rejects.toMatchObject({
      code: 'UNET_RELEASE_FETCH',
      message: expect.stringContaining(`${ref} of ${url} could not be fetched`),
      details: { tail: expect.arrayContaining([expect.stringMatching(said)]) },
    });
  });

  test('shows what git says of a repository that is not there', async () => {
    await expect(pack({ kind: 'git', url: 'file:///no/such/repository', ref: 'v1' })).rejects.toMatchObject({
      code: 'UNET_RELEASE_FETCH',
      details: { tail: expect.arrayContaining([expect.stringContaining('/no/such/repository')]) },
    });
  });

  test('never gives git an option in place of a name', async () => {
    const { url } = await repository();
    for (const reference of [
      { url, ref: '--upload-pack=id' },
      { url: '--upload-pack=id', ref: 'v1' },
    ]) {
      await expect(pack({ kind: 'git', ...reference })).rejects.toMatchObject({ code: 'UNET_USAGE' });
    }
  });

  test('says that git is missing', async () => {
    const { url } = await repository();
    await expect(
      pack({ kind: 'git', url, ref: 'v1' }, { env: { ...env, PATH: await place() } }),
    ).rejects.toMatchObject({
      code: 'UNET_TOOL_MISSING',
    });
  });

  test('does not ask and does not wait: a server that never answers is given up', async () => {
    const { createServer } = await import('node:net');
    const server = createServer(() => {});
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void server.close());
    const { port } = server.address() as { port: number };
    const plain = Object.fromEntries(Object.entries(env).filter(([name]) => !/proxy/i.test(name)));
    const url = `https://127.0.0.1:${port}/repo`;
    await expect(pack({ kind: 'git', url, ref: 'v1' }, { env: plain, timeoutMs: 500 })).rejects.toMatchObject(
      {
        code: 'UNET_RELEASE_FETCH',
        message: expect.stringContaining('took longer than 0.5 s'),
      },
    );
  });
});
