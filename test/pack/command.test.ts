import { spawn } from 'node:child_process';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { scratch } from '../process/scratch.ts';

const UNET = fileURLToPath(new URL('../../bin/unet.js', import.meta.url));

/** `unet pack …` of the bundle in a directory of its own. */
function place() {
  const directory = scratch();
  mkdirSync(join(directory, 'tmp'), { mode: 0o700 });
  const unet = async (...args: string[]) => {
    const child = spawn(process.execPath, [UNET, 'pack', ...args], {
      cwd: directory,
      env: {
        PATH: process.env.PATH,
        HOME: directory,
        TMPDIR: join(directory, 'tmp'),
        UNET_RELEASE: 'rehearsal',
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
    return { stdout: await text(child.stdout), stderr: await text(child.stderr), code: await ended };
  };
  return { directory, unet };
}

describe('unet pack', () => {
  it('makes one of the rehearsal release and its image, and leaves nothing else', async () => {
    const { directory, unet } = place();
    const made = await unet('--kubectl', 'none', '-o', 'a.pack');
    expect(made.stderr).toMatch(/node-image\.tar\.\w+: 67\.5 KiB/);
    expect(made.code).toBe(0);
    expect(readdirSync(directory).sort()).toEqual(['a.pack', 'tmp']);
    expect(readdirSync(join(directory, 'tmp'))).toEqual([]);
    const shown = await unet('inspect', 'a.pack');
    expect(shown.stdout).toMatch(/^kubernetes {6}v1\.34\.2$/m);
    expect(shown.stdout).toMatch(
      /^node-image\.tar\S* +node-image .* MIT +localhost\/unet-node:[0-9a-f]{12}$/m,
    );
    const verified = await unet('verify', 'a.pack');
    expect(verified.stderr).toContain('verified');
    expect(verified.code).toBe(0);
  });

  it('says the same in JSON, an event a line', async () => {
    const { unet } = place();
    const { stdout } = await unet('--kubectl', 'none', '-o', 'a.pack', '--json');
    const lines = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines.at(-1)).toMatchObject({ type: 'pack', manifest: { kubernetes: 'v1.34.2' } });
    expect(lines.filter(({ state }) => state === 'done').map(({ member }) => member.kind)).toEqual([
      'release',
      'node-image',
    ]);
  });

  it('verify exits with 3 for what was altered, and 2 for what is not there', async () => {
    const { directory, unet } = place();
    writeFileSync(join(directory, 'b.pack'), 'no pack');
    const { code, stderr } = await unet('verify', 'b.pack');
    expect(stderr).toContain('UNET_PACK_INVALID');
    expect(code).toBe(3);
    expect((await unet('verify', 'c.pack')).code).toBe(2);
  });

  it.each([
    [[], 'needs -o FILE'],
    [['inspect'], 'needs a pack'],
    [['inspct', 'a.pack'], 'did you mean inspect'],
    [['-o', '.'], 'is a directory'],
    [['-o', 'nowhere/a.pack'], 'it does not exist'],
  ])('%j is told what was meant', async (args, said) => {
    const { unet } = place();
    const { stderr, code } = await unet(...args);
    expect(stderr).toContain(said);
    expect(code).toBeGreaterThanOrEqual(2);
  });
});
