import { execFileSync } from 'node:child_process';
import { chmod, link, mkdir, open, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { writeNote } from '../../src/cache/claim-note.ts';
import { archiveFlaw, keyOf, listEntries, readEntry, readSource } from '../../src/cache/entry.ts';
import { cacheDirectory, cachePaths } from '../../src/cache/layout.ts';
import { keepIfGood, lookUp } from '../../src/cache/obtain.ts';
import { makeWritable, openCache, openSiteCache } from '../../src/cache/open.ts';
import { prune } from '../../src/cache/prune.ts';
import { publish } from '../../src/cache/publish.ts';
import { UnetError } from '../../src/errors.ts';
import { asUser, isRoot, place, STRANGER, USER } from '../files/place.ts';
import { archive, fetching, newCache, usedAgo } from './cache.ts';

const HOUR = 3_600_000;

describe('where the cache is', () => {
  test('is what the setting says, else beneath XDG_CACHE_HOME, else in the home', () => {
    const env = { HOME: '/home/me' };
    expect(cacheDirectory('/c', env)).toBe('/c');
    expect(cacheDirectory(undefined, { ...env, XDG_CACHE_HOME: '/x' })).toBe('/x/unet');
    expect(cacheDirectory(undefined, { ...env, XDG_CACHE_HOME: 'relative' })).toBe('/home/me/.cache/unet');
    expect(cacheDirectory(undefined, env)).toBe('/home/me/.cache/unet');
  });

  test('is for the user alone, unless it was made for others to read', async () => {
    const { get } = fetching('one');
    const own = await newCache();
    const { file, directory } = await get(own, { source: 'a#1' });
    const mode = async (path: string) => (await stat(path)).mode & 0o777;
    expect([await mode(own.paths.directory), await mode(directory), await mode(file)]).toEqual([
      0o700, 0o700, 0o400,
    ]);

    const site = join(await place(), 'site');
    await mkdir(site);
    await chmod(site, 0o755);
    const open = await openCache(site);
    const entry = await fetching('one').get(open, { source: 'a#1' });
    expect([await mode(open.paths.releases), await mode(entry.directory), await mode(entry.file)]).toEqual([
      0o755, 0o755, 0o444,
    ]);
  });

  test('is refused where others can change it', async () => {
    const directory = await place();
    await chmod(directory, 0o775);
    await expect(openCache(directory)).rejects.toMatchObject({ code: 'UNET_UNSAFE_PATH' });
    await expect(openSiteCache(join(directory, 'nothing'))).rejects.toMatchObject({
      code: 'UNET_CONFIG_INVALID',
    });
  });

  test.runIf(isRoot)('is refused where it belongs to another user, who can be read from', async () => {
    const directory = await place(STRANGER);
    await chmod(directory, 0o755);
    await expect(openCache(directory)).rejects.toMatchObject({
      code: 'UNET_UNSAFE_PATH',
      details: { remedy: expect.stringContaining('--cache-from') },
    });
  });
});

describe('a release', () => {
  test('is fetched once, by one of all who want it, and kept with its commit', async () => {
    const cache = await newCache();
    const { get, counter } = fetching('one', { commit: 'c0ffee' });
    const entries = await Promise.all(Array.from({ length: 10 }, () => get(cache, { source: 'a#1' })));
    expect(counter.fetches).toBe(1);
    expect(new Set(entries.map(({ file }) => file)).size).toBe(1);
    expect(await readFile(entries[0]?.file ?? '', 'utf8')).toBe('one');
    expect(await readSource(cache.paths, 'a#1')).toMatchObject({
      commit: 'c0ffee',
      sha256: entries[0]?.sha256,
    });
    expect(await readdir(cache.paths.incoming)).toEqual([]);
    expect(await readdir(cache.paths.claims)).toEqual([]);
  });

  test('is the same one when another source has the same content', async () => {
    const cache = await newCache();
    await fetching('one').get(cache, { source: 'a#1' });
    await fetching('one').get(cache, { source: 'mirror#1' });
    expect(await listEntries(cache.paths)).toHaveLength(1);
  });

  test('whose checksum is known needs no source', async () => {
    const cache = await newCache();
    const { sha256, file, bytes } = await archive('known');
    await publish(cache, 'key', file, { sha256, bytes, source: '/some/tarball' });
    const { get, counter } = fetching('never');
    await get(cache, { source: 'a#1', sha256 });
    expect(counter.fetches).toBe(0);
  });

  test('that is a branch is fetched each time', async () => {
    const cache = await newCache();
    const { get, counter } = fetching('main', { isBranch: true });
    await get(cache, { source: 'a#main' });
    await get(cache, { source: 'a#main' });
    expect(counter.fetches).toBe(2);
  });

  test('that is a branch is fetched by one after the other of those who want it at the same time', async () => {
    const cache = await newCache();
    const { get, counter } = fetching('main', { isBranch: true });
    await Promise.all(Array.from({ length: 5 }, () => get(cache, { source: 'a#main' })));
    expect(counter.fetches).toBe(5);
  });

  test('is fetched again by who was taken for dead, when the one who took over has given up', async () => {
    const cache = await newCache();
    const claims = join(cache.paths.claims, keyOf('a#1'));
    const process = { boot: 'elsewhere', namespace: 'pid:[1]', pid: 1, start: '1' };
    let first = true;
    const { get, counter } = fetching('one', {
      before: async () => {
        if (first) {
          first = false;
          await mkdir(join(claims, '2'));
          await writeNote(join(claims, '2'), { state: 'released', host: 'elsewhere', process, beat: 1 });
        }
      },
    });
    const entry = await get(cache, { source: 'a#1' });
    expect(await readFile(entry.file, 'utf8')).toBe('one');
    expect(counter.fetches).toBe(2);
    expect(await readdir(cache.paths.incoming)).toEqual([]);
  });

  test('that could not be fetched leaves nothing, and is tried again', async () => {
    const cache = await newCache();
    const failing = fetching('x', { file: '/nonexistent' });
    await expect(failing.get(cache, { source: 'a#1' })).rejects.toBeInstanceOf(Error);
    expect(await readdir(cache.paths.incoming)).toEqual([]);
    expect(await listEntries(cache.paths)).toEqual([]);
    const { get, counter } = fetching('x');
    await get(cache, { source: 'a#1' });
    expect(counter.fetches).toBe(1);
  });

  test('of which only a part was written when its writer was killed is not one', async () => {
    const cache = await newCache();
    const { sha256 } = await archive('one');
    // As a copy of the cache, or a disk after a crash, may have it.
    await mkdir(join(cache.paths.releases, sha256));
    await writeFile(join(cache.paths.releases, sha256, 'release.tar'), 'on');
    expect(await readEntry(cache.paths, sha256)).toBeUndefined();
    await writeFile(join(cache.paths.releases, sha256, 'facts.json'), '{"version":1,"sha');
    expect(await readEntry(cache.paths, sha256)).toBeUndefined();
  });

  test('that is damaged is found out, and goes', async () => {
    const cache = await newCache();
    const { get } = fetching('one');
    const entry = await get(cache, { source: 'a#1' });
    expect(await keepIfGood(cache, entry)).toBe(true);
    await chmod(entry.file, 0o600);
    await writeFile(entry.file, 'One');
    expect(await archiveFlaw(entry.file, entry.sha256)).toMatch(/has the checksum [0-9a-f]{64}/);
    expect(await keepIfGood(cache, entry)).toBe(false);
    expect(await lookUp(cache.paths, { source: 'a#1' })).toBeUndefined();
  });

  test('is replaced where its directory has lost a part', async () => {
    const cache = await newCache();
    const { get } = fetching('one');
    const entry = await get(cache, { source: 'a#1' });
    await rm(join(entry.directory, 'facts.json'));
    const again = await get(cache, { source: 'a#1' });
    expect(await readFile(again.file, 'utf8')).toBe('one');
    expect(await readEntry(cache.paths, entry.sha256)).toBeDefined();
  });

  test('is not looked for by who was told to stop', async () => {
    const { get } = fetching('one');
    const signal = AbortSignal.abort(new UnetError('UNET_INTERRUPTED', 'enough'));
    await expect(get(await newCache(), { source: 'a#1' }, signal)).rejects.toMatchObject({
      message: 'enough',
    });
  });
});

test.runIf(isRoot)(
  'a full disk is said, with what helps, and nothing of the release is left',
  async ({ skip }) => {
    const disk = await place();
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k,mode=700', 'tmpfs', disk], { stdio: 'ignore' });
    } catch {
      skip('nothing can be mounted here');
    }
    onTestFinished(() => void execFileSync('umount', ['-l', disk]));
    const cache = await openCache(disk);
    const { get } = fetching('x'.repeat(100_000));
    await expect(get(cache, { source: 'a#1' })).rejects.toMatchObject({
      code: 'UNET_DISK_FULL',
      details: { remedy: expect.stringContaining('--cache') },
    });
    expect(await readdir(cache.paths.incoming)).toEqual([]);
    expect(await listEntries(cache.paths)).toEqual([]);
  },
);

describe('prune', () => {
  const three = async () => {
    const cache = await newCache();
    const entries = await Promise.all(
      ['old', 'older', 'new'].map((name) => fetching(name).get(cache, { source: `${name}#1` })),
    );
    const [old, older, young] = entries as [(typeof entries)[0], (typeof entries)[0], (typeof entries)[0]];
    await usedAgo(old, 24 * HOUR);
    await usedAgo(older, 48 * HOUR);
    return { cache, old, older, young };
  };
  const shas = (entries: { sha256: string }[]) => entries.map(({ sha256 }) => sha256).sort();

  test('removes what was not used for long, but not so many of those used last', async () => {
    const { cache, old, older, young } = await three();
    const dry = await prune(cache, { olderThanMs: 12 * HOUR, dryRun: true });
    expect(shas(dry.entries)).toEqual(shas([old, older]));
    expect(await listEntries(cache.paths)).toHaveLength(3);

    const pruned = await prune(cache, { olderThanMs: 12 * HOUR, keep: 2, dryRun: false });
    expect(shas(pruned.entries)).toEqual(shas([older]));
    expect(shas(await listEntries(cache.paths))).toEqual(shas([old, young]));
    expect(await readSource(cache.paths, 'older#1')).toBeUndefined();
    expect(await readSource(cache.paths, 'old#1')).toBeDefined();
  });

  test('removes all but those used last, except what was used a moment ago', async () => {
    const { cache, old, older, young } = await three();
    expect(shas((await prune(cache, { keep: 0, dryRun: false })).entries)).toEqual(shas([old, older]));
    expect(shas(await listEntries(cache.paths))).toEqual(shas([young]));
  });

  test('removes nothing that it was not told to', async () => {
    const { cache } = await three();
    expect((await prune(cache, { dryRun: false })).entries).toEqual([]);
  });

  test('lets go on who is reading at that moment', async () => {
    const { cache, old } = await three();
    const reader = await open(old.file);
    await link(old.file, join(cache.paths.directory, 'a-job-has-it'));
    await prune(cache, { olderThanMs: HOUR, dryRun: false });
    expect(await reader.readFile('utf8')).toBe('old');
    await reader.close();
    expect(await readFile(join(cache.paths.directory, 'a-job-has-it'), 'utf8')).toBe('old');
  });

  test('removes what killed processes left, and not what living ones are at', async () => {
    const { cache } = await three();
    const then = new Date(Date.now() - HOUR);
    for (const [parent, name] of [
      [cache.paths.incoming, 'key-dead'],
      [cache.paths.incoming, 'key-alive'],
      [cache.paths.claims, 'dead'],
      [cache.paths.claims, 'alive'],
    ] as const) {
      await mkdir(join(parent, name, '1'), { recursive: true });
      const note = join(parent, name, '1', 'holder');
      await writeFile(note, '');
      for (const path of name.endsWith('dead') ? [note, join(parent, name, '1'), join(parent, name)] : []) {
        await utimes(path, then, then);
      }
    }
    // Its directory is old, what is written in it is not.
    await utimes(join(cache.paths.claims, 'alive'), then, then);
    expect((await prune(cache, { dryRun: true })).leftOvers).toBe(2);
    expect((await prune(cache, { dryRun: false })).leftOvers).toBe(2);
    expect(await readdir(cache.paths.incoming)).toEqual(['key-alive']);
    expect(await readdir(cache.paths.claims)).toEqual(['alive']);
  });
});

describe('a cache of the site', () => {
  test.runIf(isRoot)('is trusted when nobody but root and the user can change it', async () => {
    const site = join(await place(), 'site');
    await mkdir(site);
    await makeWritable(await openCache(site));
    for (const path of [join(site, '..'), site, cachePaths(site).version, cachePaths(site).releases]) {
      await chmod(path, 0o755);
    }
    expect((await openSiteCache(site)).trusted).toBe(true);
    await asUser(async () => expect((await openSiteCache(site)).trusted).toBe(true));
    await chmod(site, 0o777);
    await asUser(async () => expect((await openSiteCache(site)).trusted).toBe(false));
    expect(USER).not.toBe(0);
  });
});

test('facts that were not written by unet are no entry', async () => {
  const cache = await newCache();
  const { sha256 } = await archive('one');
  const cases = [
    '',
    '[]',
    '{"version":2}',
    JSON.stringify({ version: 1, sha256: 'f'.repeat(64), bytes: 1, source: '', added: '' }),
  ];
  await mkdir(join(cache.paths.releases, sha256));
  for (const text of cases) {
    await writeFile(join(cache.paths.releases, sha256, 'facts.json'), text);
    expect(await readEntry(cache.paths, sha256)).toBeUndefined();
  }
});
