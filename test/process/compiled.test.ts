import {
  chmodSync,
  chownSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { scratch } from './scratch.ts';

const SOURCE = fileURLToPath(new URL('../../src/process/compiled.ts', import.meta.url));
const SUM = '0123456789abcdef';

let runner: string;

// A process of its own each time: what was compiled is kept at the end of one, and used by the next.
beforeAll(async () => {
  runner = join(mkdtempSync(join(tmpdir(), 'unet-test-')), 'runner.mjs');
  await build({
    stdin: {
      contents: `
        import { loadBundle } from ${JSON.stringify(SOURCE)};
        import { playedPart } from ${JSON.stringify(SOURCE)};
        const [, , file, part] = process.argv;
        if (part !== undefined) playedPart.leave({ part });
        console.log(await loadBundle(file, process.env).answer());`,
      resolveDir: process.cwd(),
      loader: 'ts',
    },
    bundle: true,
    platform: 'node',
    format: 'esm',
    outfile: runner,
    logLevel: 'error',
  });
});

afterAll(() => rmSync(dirname(runner), { recursive: true }));

function place({ sum = SUM, answer = '42', directory = scratch() } = {}) {
  const file = join(directory, 'one.cjs');
  writeFileSync(
    file,
    `//one ${sum}\nexports.answer = async () => ${answer} + (await Promise.resolve().then(() => require('./two.cjs'))).more;`,
  );
  writeFileSync(join(directory, 'two.cjs'), `//two ${SUM}\nexports.more = require('node:path').sep.length;`);
  const compiled = join(directory, 'unet', 'compiled');
  return {
    directory,
    run: async (env: NodeJS.ProcessEnv = {}, ...parts: string[]) => {
      const { stdout } = await execa(process.execPath, [runner, file, ...parts], {
        env: { XDG_CACHE_HOME: directory, ...env },
        extendEnv: false,
      });
      return stdout;
    },
    kept: () => (existsSync(compiled) ? readdirSync(compiled).sort() : []),
    path: (name: string) => join(compiled, `${name}-${process.version}-${process.arch}-${sum}`),
  };
}

describe('what V8 has compiled of a bundle', () => {
  test('is kept by the first process, for its user alone, and used by the next', async () => {
    const { run, kept, path } = place();
    expect(await run()).toBe('43');
    expect(kept()).toEqual(['one', 'two'].map((name) => `${name}-${process.version}-${process.arch}-${SUM}`));
    const before = statSync(path('one'));
    expect(before.mode & 0o777).toBe(0o600);
    expect(await run()).toBe('43');
    expect(statSync(path('one')).ino).toBe(before.ino);
  });

  test.each<[string, (file: string) => void]>([
    ['empty', (file) => writeFileSync(file, '')],
    ['cut off', (file) => writeFileSync(file, readFileSync(file).subarray(0, -10))],
    [
      'changed',
      (file) =>
        writeFileSync(
          file,
          readFileSync(file).map((byte, at) => (at === 200 ? byte ^ 1 : byte)),
        ),
    ],
    ['something else', (file) => writeFileSync(file, 'x'.repeat(5000))],
    ['open to others', (file) => chmodSync(file, 0o644)],
  ])('is not used when it is %s, and made again', async (_, spoil) => {
    const { run, path } = place();
    await run();
    const good = readFileSync(path('one'));
    spoil(path('one'));
    const { ino } = statSync(path('one'));
    expect(await run()).toBe('43');
    const now = statSync(path('one'));
    expect(now.ino).not.toBe(ino);
    expect(now.size).toBe(good.length);
  });

  test('is not used for a bundle of the same length that says otherwise, and makes room for its own', async () => {
    const { run, directory } = place();
    await run();
    const later = place({ directory, sum: 'fedcba9876543210', answer: '41' });
    expect(await later.run()).toBe('42');
    expect(later.kept().filter((name) => name.startsWith('one'))).toHaveLength(1);
    expect(existsSync(later.path('one'))).toBe(true);
  });

  test('is of each part that a process with this bundle may play', async () => {
    const { run, path } = place();
    const inode = async (part: string) => {
      expect(await run({}, part)).toBe('43');
      return statSync(path('one')).ino;
    };
    const first = await inode('lead');
    expect(await inode('lead')).toBe(first);
    const second = await inode('worker');
    expect(second).not.toBe(first);
    expect(await inode('lead')).toBe(second);
    expect(await inode('worker')).toBe(second);
    expect(readFileSync(path('one'), 'latin1').slice(32, 44)).toBe('lead worker\n');
  });

  test('is not kept where that is not wanted, or cannot be', async () => {
    const { run, kept, directory } = place();
    expect(await run({ NODE_DISABLE_COMPILE_CACHE: '1' })).toBe('43');
    expect(kept()).toEqual([]);
    writeFileSync(join(directory, 'file'), '');
    expect(await run({ XDG_CACHE_HOME: join(directory, 'file') })).toBe('43');
  });

  test.runIf(process.geteuid?.() === 0)('is not left by root in somebody else’s home', async () => {
    const { run, kept, directory } = place();
    chownSync(directory, 65534, 65534);
    expect(await run()).toBe('43');
    expect(kept()).toEqual([]);
  });

  test('is written by one of several that end at the same time', async () => {
    const { run, kept } = place();
    expect(await Promise.all(Array.from({ length: 6 }, () => run()))).toEqual(Array(6).fill('43'));
    expect(kept()).toHaveLength(2);
  });
});
