import { chmod, mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { listEntries } from '../../src/cache/entry.ts';
import { cachePaths } from '../../src/cache/layout.ts';
import { openCache } from '../../src/cache/open.ts';
import { addRelease } from '../../src/provision/add.ts';
import { packRelease } from '../../src/provision/pack-release.ts';
import { type Pin, UPSTREAM } from '../../src/provision/pins.ts';
import { type ProvisionOptions, provisionRelease } from '../../src/provision/provision.ts';
import { parseReleaseReference } from '../../src/provision/reference.ts';
import { createWorkspace } from '../../src/provision/workspace.ts';
import { isRoot, place, STRANGER } from '../files/place.ts';
import { env, git, repository, tree } from './releases.ts';

const pinned = vi.hoisted(() => ({ pins: [] as unknown[], archive: '', urls: [] as string[] }));

// The real pins are of upstream's files, which are not here: those of a test are of its own repository.
vi.mock('../../src/provision/pins.ts', async (original) => ({
  ...(await original<typeof import('../../src/provision/pins.ts')>()),
  pinOf: (url: string, ref: string) =>
    (pinned.pins as Pin[]).find(
      (pin) =>
        url === 'https://github.com/rootless-containers/usernetes' && [pin.tag, pin.commit].includes(ref),
    ),
}));

vi.mock('../../src/provision/download.ts', () => ({
  download: async (url: string, destination: string) => {
    pinned.urls.push(url);
    await execa`cp ${pinned.archive} ${destination}`;
    return 'f'.repeat(64);
  },
}));

/** A machine of a user, with a cache and its node-local room, and a git that writes down what it was asked for. */
async function machine() {
  const directory = await place();
  const bin = join(directory, 'bin');
  const log = join(directory, 'git.log');
  await mkdir(bin);
  await writeFile(log, '');
  const { stdout: real } = await execa`sh -c ${'command -v git'}`;
  await script(join(bin, 'git'), `echo "$*" >> ${log}; exec ${real} "$@"`);
  const notes: string[] = [];
  const options = (changes: Partial<ProvisionOptions> = {}): ProvisionOptions => ({
    strategy: 'cache',
    cache: join(directory, 'cache'),
    destination: join(directory, 'release.tar'),
    rehearsalDir: '/nonexistent',
    workspace: createWorkspace(async () => {
      await mkdir(join(directory, 'local'), { recursive: true, mode: 0o700 });
      return join(directory, 'local');
    }),
    env: { ...env, PATH: `${bin}:${env.PATH}` },
    timeoutMs: 30_000,
    signal: new AbortController().signal,
    onNote: (message) => notes.push(message),
    ...changes,
  });
  return {
    directory,
    bin,
    notes,
    options,
    paths: cachePaths(join(directory, 'cache')),
    get: (release: string, changes: Partial<ProvisionOptions> = {}) =>
      provisionRelease(parseReleaseReference(release, directory), options(changes)),
    add: (release: string, changes: Partial<ProvisionOptions> = {}) =>
      addRelease(parseReleaseReference(release, directory), options(changes)),
    /** How often something was fetched. */
    fetches: async () =>
      (await readFile(log, 'utf8')).split('\n').filter((line) => /( clone | fetch )/.test(line)).length,
    /** From now on git and whatever else would reach out fails loudly. */
    goOffline: () => script(join(bin, 'git'), 'echo "there is no network" >&2; exit 99'),
    /** A PATH with nothing but what is needed, and no git. */
    withoutGit: async () => {
      const only = join(directory, 'only');
      await mkdir(only, { recursive: true });
      await symlink('/bin/sh', join(only, 'sh')).catch(() => {});
      return { ...env, PATH: only };
    },
  };
}

async function script(path: string, text: string): Promise<void> {
  await writeFile(path, `#!/bin/sh\n${text}\n`);
  await chmod(path, 0o755);
}

/** The checksum of a release's tree, as unet computes it. */
async function treeSum(directory: string): Promise<string> {
  const destination = join(await place(), 'release.tar');
  const options = { destination, rehearsalDir: '/', env, timeoutMs: 20_000 };
  return (await packRelease({ kind: 'directory', path: directory }, options)).sha256;
}

/** A repository whose tag v1 is pinned as if it were upstream's. */
async function pinnedRepository() {
  const repo = await repository();
  await git(repo.directory, 'checkout', '-q', 'v1');
  const pin = { tag: 'v1', commit: repo.commits[0], sha256: await treeSum(repo.directory) };
  pinned.pins = [pin];
  return { ...repo, pin, mirrors: [`${UPSTREAM}=${repo.url}`] };
}

beforeEach(() => {
  pinned.pins = [];
  pinned.urls = [];
});

describe('the strategy cache', () => {
  test('fetches a release once; later jobs need no network at all', async () => {
    const { url } = await repository();
    const { get, fetches, goOffline, directory } = await machine();
    const first = await get(`${url}#v1`);
    expect(await fetches()).toBe(1);
    await goOffline();
    const second = await get(`${url}#v1`, { destination: join(directory, 'second.tar') });
    expect(second.sha256).toBe(first.sha256);
    expect(second.description).toBe(first.description);
    expect(second.description).toMatch(/#v1 \(commit [0-9a-f]{12}\)$/);
    expect(await readFile(second.file)).toEqual(await readFile(first.file));
  });

  test('takes no room for it where a link does, and what a job removes stays in the cache', async () => {
    const { url } = await repository();
    const { get, paths } = await machine();
    const { file, sha256 } = await get(`${url}#v1`);
    const [entry] = await listEntries(paths);
    expect((await stat(file)).ino).toBe((await stat(entry?.file ?? '')).ino);
    expect(entry?.sha256).toBe(sha256);
  });

  test('fetches again what was damaged in the cache, and says so', async () => {
    const { url } = await repository();
    const { get, paths, notes, fetches } = await machine();
    const { sha256 } = await get(`${url}#v1`);
    const [entry] = await listEntries(paths);
    await chmod(entry?.file ?? '', 0o600);
    await writeFile(entry?.file ?? '', 'something else');
    const again = await get(`${url}#v1`);
    expect(again.sha256).toBe(sha256);
    expect(await treeSumOf(again.file)).toBe(sha256);
    expect(notes.join()).toMatch(/has the checksum .*; removing it from the cache/);
    expect(await fetches()).toBe(2);
  });

  test('fetches a branch for every job, and says so', async () => {
    const { url } = await repository();
    const { get, notes, fetches } = await machine();
    await get(`${url}#main`);
    await get(`${url}#main`);
    expect(await fetches()).toBe(2);
    expect(notes[0]).toMatch(/#main is a branch and is fetched again for every job/);
  });

  test('leaves what lies on this machine out of it', async () => {
    const { get, paths } = await machine();
    await get(await tree());
    await expect(readdir(paths.directory)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  test('finds a release that was added from a directory by its checksum', async () => {
    const { get, add, goOffline } = await machine();
    await goOffline();
    const { entry, wasThere } = await add(await tree());
    expect(wasThere).toBe(false);
    expect((await get(`sha256:${entry.sha256.slice(0, 12)}`)).sha256).toBe(entry.sha256);
    await expect(get('sha256:00000000')).rejects.toMatchObject({ code: 'UNET_RELEASE_NOT_FOUND' });
  });

  test('shows what git said where a release cannot be fetched, and keeps nothing of it', async () => {
    const { url } = await repository();
    const { get, paths, directory } = await machine();
    await expect(get(`${url}#v9`)).rejects.toMatchObject({ code: 'UNET_RELEASE_FETCH' });
    expect(await listEntries(paths)).toEqual([]);
    await expect(readdir(join(directory, 'local'))).rejects.toMatchObject({ code: 'ENOENT' });
  });
});

describe('the other strategies', () => {
  test('clone fetches for each job, into node-local room, and touches no cache', async () => {
    const { url } = await repository();
    const { get, fetches, paths, directory } = await machine();
    await get(`${url}#v1`, { strategy: 'clone' });
    await get(`${url}#v1`, { strategy: 'clone' });
    expect(await fetches()).toBe(2);
    await expect(readdir(paths.directory)).rejects.toMatchObject({ code: 'ENOENT' });
    await expect(readdir(join(directory, 'local'))).rejects.toMatchObject({ code: 'ENOENT' });
  });

  test('dir takes a directory as it is, and refuses what is not here', async () => {
    const { url } = await repository();
    const { get, goOffline } = await machine();
    await goOffline();
    const submodule = await tree();
    expect((await get(submodule, { strategy: 'dir' })).description).toBe(submodule);
    for (const release of [`${url}#v1`, 'gen2-v20250828.0', 'sha256:0123abcd']) {
      await expect(get(release, { strategy: 'dir' })).rejects.toMatchObject({
        code: 'UNET_USAGE',
        message: expect.stringContaining('--provision dir'),
      });
    }
  });
});

describe('what is pinned', () => {
  test('comes through a mirror, and is known by its commit as well', async () => {
    const { mirrors, commits } = await pinnedRepository();
    const { get, fetches, paths, notes } = await machine();
    await get(`${UPSTREAM}#v1`, { mirrors });
    await get(`${UPSTREAM}#${commits[0]}`, { mirrors });
    expect(await fetches()).toBe(1);
    expect(notes).toEqual([]);
    expect(await listEntries(paths)).toMatchObject([{ source: `${UPSTREAM}#v1`, commit: commits[0] }]);
  });

  test('is refused when the tag was moved', async () => {
    const { mirrors, directory } = await pinnedRepository();
    await git(directory, 'tag', '-f', 'v1', 'v2');
    const { get, paths } = await machine();
    await expect(get(`${UPSTREAM}#v1`, { mirrors })).rejects.toMatchObject({
      code: 'UNET_RELEASE_CHECKSUM',
      message: expect.stringMatching(/is commit [0-9a-f]{12} at file:.*, but v1 is pinned as commit/),
    });
    expect(await listEntries(paths)).toEqual([]);
  });

  test('is refused when the files are others', async () => {
    const { mirrors, pin } = await pinnedRepository();
    pinned.pins = [{ ...pin, sha256: '0'.repeat(64) }];
    for (const strategy of ['cache', 'clone'] as const) {
      const { get } = await machine();
      await expect(get(`${UPSTREAM}#v1`, { mirrors, strategy })).rejects.toMatchObject({
        code: 'UNET_RELEASE_CHECKSUM',
        message: expect.stringContaining('has the tree'),
      });
    }
  });

  test('needs no network when somebody has added its files', async () => {
    const { directory, pin } = await pinnedRepository();
    const { get, add, goOffline } = await machine();
    await goOffline();
    const archive = join(await place(), 'usernetes.tar.gz');
    await execa`tar -czf ${archive} --exclude=.git -C ${directory} .`;
    expect((await add(archive)).entry.sha256).toBe(pin.sha256);
    expect((await get(`${UPSTREAM}#v1`)).sha256).toBe(pin.sha256);
  });

  test('comes as GitHub’s archive where there is no git, and what is not pinned does not', async () => {
    const { directory, pin, url } = await pinnedRepository();
    pinned.archive = join(await place(), 'archive.tar.gz');
    await git(directory, 'archive', '--format=tar.gz', '--prefix=usernetes-x/', '-o', pinned.archive, 'v1');
    const { get, withoutGit } = await machine();
    const bare = await withoutGit();
    expect(await get(`${UPSTREAM}#v1`, { env: bare, strategy: 'clone' })).toMatchObject({
      sha256: pin.sha256,
      commit: pin.commit,
    });
    const mirrors = ['https://github.com/=https://mirror.site/'];
    expect((await get(`${UPSTREAM}#v1`, { env: bare, mirrors })).sha256).toBe(pin.sha256);
    expect(pinned.urls).toEqual([
      `${UPSTREAM}/archive/${pin.commit}.tar.gz`,
      `https://mirror.site/rootless-containers/usernetes/archive/${pin.commit}.tar.gz`,
    ]);
    await expect(get(`${url}#v1`, { env: bare })).rejects.toMatchObject({
      code: 'UNET_TOOL_MISSING',
      message: expect.stringContaining('git'),
    });
  });

  test('is refused when an archive has other files', async () => {
    const { directory } = await pinnedRepository();
    pinned.archive = join(await place(), 'archive.tar.gz');
    await git(directory, 'archive', '--format=tar.gz', '-o', pinned.archive, 'v2');
    const { get, withoutGit } = await machine();
    await expect(get(`${UPSTREAM}#v1`, { env: await withoutGit() })).rejects.toMatchObject({
      code: 'UNET_RELEASE_CHECKSUM',
    });
  });

  test('is noted when it is upstream’s and not pinned', async () => {
    const { mirrors } = await pinnedRepository();
    const { get, notes } = await machine();
    await get(`${UPSTREAM}#v2`, { mirrors });
    expect(notes[0]).toMatch(/v2 is not a release whose checksum unet knows/);
  });
});

describe('a cache of the site', () => {
  async function site(release: string, mirrors: string[] = []) {
    const { add, directory } = await machine();
    const { entry } = await add(release, { mirrors });
    return { cacheFrom: join(directory, 'cache'), entry };
  }

  test('is read first, and neither written nor needed', async () => {
    const { url } = await repository();
    const { cacheFrom } = await site(`${url}#v1`);
    const { get, goOffline, paths } = await machine();
    await goOffline();
    await get(`${url}#v1`, { cacheFrom });
    await expect(readdir(paths.directory)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  test('gives way to the own one for what it does not have, or has damaged', async () => {
    const { url } = await repository();
    const { cacheFrom, entry } = await site(`${url}#v1`);
    const { get, fetches, notes } = await machine();
    await get(`${url}#v2`, { cacheFrom });
    await chmod(entry.file, 0o600);
    await writeFile(entry.file, 'damaged');
    expect((await get(`${url}#v1`, { cacheFrom })).sha256).toBe(entry.sha256);
    expect(await fetches()).toBe(2);
    expect(notes.join()).toContain('(--cache-from) has the checksum');
  });

  test.runIf(isRoot)('of another user is believed only what is pinned', async () => {
    const { mirrors } = await pinnedRepository();
    const { url } = await repository();
    const theirs = await site(`${UPSTREAM}#v1`, mirrors);
    await openCache(theirs.cacheFrom);
    const { get, goOffline, notes, fetches } = await machine();
    await execa`chown -R ${STRANGER} ${theirs.cacheFrom}`;
    await get(`${url}#v1`, theirs);
    expect(await fetches()).toBe(1);
    expect(notes.join()).toContain('is writable by users other than root and you');
    await goOffline();
    await get(`${UPSTREAM}#v1`, theirs);
  });

  test('that is not there is an error, not a clone', async () => {
    const { url } = await repository();
    const { get } = await machine();
    await expect(get(`${url}#v1`, { cacheFrom: '/nonexistent' })).rejects.toMatchObject({
      code: 'UNET_CONFIG_INVALID',
      message: expect.stringContaining('--cache-from'),
    });
  });
});

async function treeSumOf(archive: string): Promise<string> {
  const into = await place();
  await execa`tar -xf ${archive} -C ${into}`;
  return treeSum(into);
}
