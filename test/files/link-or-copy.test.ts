import { link, readdir, readFile, stat, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { linkOrCopyFile } from '../../src/files/link-or-copy.ts';
import { asUser, isRoot, place, USER } from './place.ts';

async function files() {
  const directory = await place();
  const from = join(directory, 'from');
  const to = join(directory, 'to');
  await writeFile(from, 'content', { mode: 0o400 });
  return { directory, from, to };
}

describe('taking a file', () => {
  test('makes another name for it on the same filesystem', async () => {
    const { directory, from, to } = await files();
    expect(await linkOrCopyFile(from, to)).toBe('hard link');
    expect((await stat(to)).ino).toBe((await stat(from)).ino);
    expect((await readdir(directory)).sort()).toEqual(['from', 'to']);
  });

  test('copies it to another filesystem', async ({ skip }) => {
    const { from } = await files();
    if ((await stat('/dev/shm')).dev === (await stat(from)).dev) {
      skip('there is one filesystem only');
    }
    const to = join('/dev/shm', `unet-test-${process.pid}`);
    expect(await linkOrCopyFile(from, to)).toBe('copy');
    expect(await readFile(to, 'utf8')).toBe('content');
    await unlink(to);
  });

  test('replaces what was there, also another name of the same file', async () => {
    const { directory, from, to } = await files();
    await writeFile(to, 'old');
    await linkOrCopyFile(from, to);
    expect(await readFile(to, 'utf8')).toBe('content');
    await linkOrCopyFile(from, to);
    await link(from, join(directory, 'third'));
    expect((await readdir(directory)).sort()).toEqual(['from', 'third', 'to']);
  });

  test('that is gone is that, and nothing is left', async () => {
    const { directory, to } = await files();
    await expect(linkOrCopyFile(join(directory, 'gone'), to)).rejects.toMatchObject({ code: 'ENOENT' });
    expect(await readdir(directory)).toEqual(['from']);
  });

  test.runIf(isRoot)('to where nothing may be written says so', async () => {
    const { from } = await files();
    const closed = await place(USER + 1);
    await asUser(async () => {
      await expect(linkOrCopyFile(from, join(closed, 'to'))).rejects.toMatchObject({
        code: 'UNET_DIR_UNWRITABLE',
      });
    });
  });
});
