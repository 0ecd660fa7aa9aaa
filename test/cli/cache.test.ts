import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { program, until } from '../process/scratch.ts';
import { git, repository, tree } from '../provision/releases.ts';
import { unetPlace } from './unet-process.ts';

describe('32 processes that ask for the same release at the same time', () => {
  it('make one clone, and all get it', async () => {
    const { url } = await repository();
    const place = unetPlace();
    place.git();
    const results = await Promise.all(
      Array.from({ length: 32 }, () => place.start(['cache', 'add', `${url}#v1`])),
    );
    expect(results.map(({ exitCode, stderr }) => (exitCode === 0 ? '' : stderr)).join('')).toBe('');
    expect(new Set(results.map(({ stdout }) => stdout)).size).toBe(1);
    expect(place.fetches()).toHaveLength(1);
    expect(readdirSync(join(place.cache, 'v1/claims'))).toEqual([]);
    expect(readdirSync(join(place.cache, 'v1/incoming'))).toEqual([]);
  });

  it('go on when the one that clones is killed in the middle of it', async () => {
    const { url } = await repository();
    const place = unetPlace();
    const gate = join(place.directory, 'gate');
    // The first clone never ends by itself.
    place.git(`if mkdir ${gate} 2>/dev/null; then echo $PPID > ${gate}/holder; exec sleep 600; fi`);
    const running = Array.from({ length: 32 }, () => place.start(['cache', 'add', `${url}#v1`]));
    const holder = Number(
      await until(
        () => existsSync(join(gate, 'holder')) && readFileSync(join(gate, 'holder'), 'utf8').trim(),
      ),
    );
    expect(running.map(({ pid }) => pid)).toContain(holder);
    process.kill(holder, 'SIGKILL');
    const results = await Promise.all(running);
    const ended = results.map(({ exitCode, signal }) => signal ?? exitCode);
    expect(ended.filter((end) => end === 0)).toHaveLength(31);
    expect(ended.filter((end) => end === 'SIGKILL')).toHaveLength(1);
    expect(place.fetches()).toHaveLength(2);
    const verified = await place.start(['cache', 'verify']);
    expect(verified.exitCode).toBe(0);

    // What the killed one left on the node is taken away by the next that fetches.
    expect(leftOvers(place.directory)).toHaveLength(0);
  });
});

it('a clone that was killed leaves nothing that a later run trusts, and the later run removes it', async () => {
  const { url } = await repository();
  const place = unetPlace();
  const gate = join(place.directory, 'gate');
  place.git(`if mkdir ${gate} 2>/dev/null; then echo $PPID > ${gate}/holder; exec sleep 600; fi`);
  const first = place.start(['cache', 'add', `${url}#v1`]);
  await until(() => existsSync(join(gate, 'holder')) && readFileSync(join(gate, 'holder'), 'utf8') !== '');
  first.kill('SIGKILL');
  await first;
  expect(leftOvers(place.directory)).toHaveLength(1);
  expect((await place.start(['cache', 'list'])).stderr).toContain('is empty');
  expect((await place.start(['cache', 'add', `${url}#v1`])).exitCode).toBe(0);
  expect(leftOvers(place.directory)).toHaveLength(0);
});

it('a Ctrl-C during a clone ends it at once, and leaves nothing', async () => {
  const { url } = await repository();
  const place = unetPlace();
  const gate = join(place.directory, 'gate');
  place.git(`mkdir ${gate}; exec sleep 600`);
  const running = place.start(['cache', 'add', `${url}#v1`]);
  await until(() => existsSync(gate));
  running.kill('SIGINT');
  const { exitCode } = await running;
  expect(exitCode).toBe(130);
  expect(leftOvers(place.directory)).toHaveLength(0);
  expect(readdirSync(join(place.cache, 'v1/incoming'))).toEqual([]);
});

describe('unet cache', () => {
  it('adds, lists, says where, verifies and prunes', async () => {
    const { url, commits } = await repository();
    const place = unetPlace();
    place.git();
    const added = await place.start(['cache', 'add', `${url}#v1`]);
    expect(added.stderr).toMatch(/#v1 is in the cache; use it with --release file:.*#v1$/);
    expect((await place.start(['cache', 'add', `${url}#v1`])).stderr).toContain('was in the cache already');
    expect((await place.start(['cache', 'path', `${url}#v1`])).stdout).toBe(added.stdout);
    expect((await place.start(['cache', 'path'])).stdout).toBe(place.cache);

    const lines = (await place.start(['cache', 'list', '--json'])).stdout.split('\n');
    expect(lines).toHaveLength(1);
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({
      names: [`${url}#v1`],
      commit: commits[0],
      file: added.stdout,
    });
    expect((await place.start(['cache', 'list'])).stdout).toMatch(
      /^release .*\n.*#v1 +- +[0-9a-f]{12} +[0-9a-f]{12} +\d+ KiB/,
    );

    expect((await place.start(['cache', 'verify'])).stdout).toMatch(/ good /);
    writeFileSync(added.stdout, 'damaged');
    const bad = await place.start(['cache', 'verify', '--json']);
    expect(bad.exitCode).toBe(1);
    expect(JSON.parse(bad.stdout)).toMatchObject({ good: false, flaw: expect.stringContaining('checksum') });
    expect((await place.start(['cache', 'add', `${url}#v1`])).exitCode).toBe(0);
    expect((await place.start(['cache', 'verify'])).exitCode).toBe(0);

    const pruned = await place.start(['cache', 'prune', '--keep', '0']);
    // It was used a moment ago.
    expect(pruned.stderr).toContain('0 releases removed');
  });

  it('knows a directory by what is in it', async () => {
    const place = unetPlace();
    const release = await tree();
    const { stderr } = await place.start(['cache', 'add', release]);
    expect(stderr).toMatch(/is in the cache; use it with --release sha256:[0-9a-f]{12}$/);
  });

  it.each([
    [['cache'], 'needs <action>'],
    [['cache', 'lst'], 'did you mean list?'],
    [['cache', 'add'], 'needs a release'],
    [['cache', 'add', 'rehearsal'], 'comes with unet'],
    [['cache', 'list', '--keep', '3'], '--keep is for unet cache prune'],
    [['cache', 'list', 'gen2-v20250828.0'], 'takes no release'],
    [['cache', 'prune', '--older-than', 'soon'], '"soon" is not a duration'],
    [['cache', 'prune', '--keep', '-1'], '--keep -1 is not a whole number'],
    [['cache', 'prune', '--keep', 'x'], '--keep needs a number'],
  ])('%j is refused with what was meant', async (words, message) => {
    const { exitCode, stderr } = await unetPlace().start(words);
    expect(stderr).toContain(message);
    expect(exitCode).toBe(2);
  });

  it('says that a release is not there, and how to add it', async () => {
    const { exitCode, stderr } = await unetPlace().start(['cache', 'path', 'gen2-v20250828.0']);
    expect(stderr).toContain('unet cache add gen2-v20250828.0');
    expect(exitCode).toBe(1);
  });
});

describe('unet releases', () => {
  it('lists what unet knows, with the default and what is in the cache', async () => {
    const place = unetPlace();
    const { stdout } = await place.start(['releases']);
    expect(stdout).toMatch(/^\* {2}gen2-v20250828\.0 +1\.34\.0 +≥ 20\.10 +≥ 4 +≥ 1\.6 +v1, v2 +-$/m);
    const lines = (await place.start(['releases', '--json'])).stdout
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines.filter((line) => line.default)).toMatchObject([{ tag: 'gen2-v20250828.0', cached: null }]);
    expect(lines[0]).toMatchObject({ cgroup: 'v2', commit: expect.stringMatching(/^[0-9a-f]{40}$/) });
    const { tag, sha256 } = lines[1];

    // Whatever its content: the list does not read archives.
    const entry = join(place.cache, 'v1/releases', sha256);
    mkdirSync(entry, { recursive: true });
    const facts = { version: 1, sha256, bytes: 1, source: 'x', added: '2026-01-01T00:00:00Z' };
    writeFileSync(join(entry, 'facts.json'), JSON.stringify(facts));
    expect((await place.start(['releases'])).stdout).toMatch(new RegExp(`${tag} .* own$`, 'm'));
    const site = ['releases', '--cache', '/nonexistent', '--cache-from', place.cache];
    expect((await place.start(site)).stdout).toMatch(new RegExp(`${tag} .* site$`, 'm'));
  });
});

it('unet run comes up from a cached release without a network', async () => {
  const place = unetPlace();
  const source = join(place.directory, 'usernetes');
  await cp(join(import.meta.dirname, '../../dist/rehearsal'), source, { recursive: true });
  await git(source, 'init', '-q');
  await git(source, 'add', '-A');
  await git(source, 'commit', '-q', '-m', 'a release');
  await git(source, 'tag', 'v1');
  const release = `file://${source}#v1`;
  place.git();
  expect((await place.start(['cache', 'add', release])).exitCode).toBe(0);
  program(place.directory, 'git', '#!/bin/sh\necho "no network" >&2\nexit 99\n');
  const settings = [
    '--allocation',
    'local',
    '--name',
    `cache-${process.pid}`,
    '--nodes',
    '2',
    '--release',
    release,
  ];
  const { stderr, stdout, exitCode } = await place.start([
    'run',
    ...settings,
    '--',
    'kubectl',
    'get',
    'nodes',
  ]);
  expect(stderr).not.toContain('no network');
  expect(stdout).toMatch(/u7s-node-1\s+Ready/);
  expect(exitCode).toBe(0);
});

function leftOvers(directory: string): string[] {
  const parent = join(directory, `unet-${process.getuid?.()}`, '.fetch');
  return existsSync(parent) ? readdirSync(parent) : [];
}
