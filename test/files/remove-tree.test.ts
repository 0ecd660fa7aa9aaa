import { execFileSync } from 'node:child_process';
import { chmod, chown, mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { freeBytes } from '../../src/files/free-space.ts';
import { removeTree } from '../../src/files/remove-tree.ts';
import { asUser, isRoot, place, STRANGER, USER } from './place.ts';

describe('removing a tree', () => {
  test('takes everything in it away, and nothing beside it', async () => {
    const root = await place();
    await mkdir(join(root, 'job', 'a', 'b'), { recursive: true });
    await writeFile(join(root, 'job', 'a', 'b', 'f'), '');
    await writeFile(join(root, 'beside'), '');
    await removeTree(join(root, 'job'), { beneath: root });
    expect(await readdir(root)).toEqual(['beside']);
  });

  test('is done when there is nothing', async () => {
    const root = await place();
    await removeTree(join(root, 'job'), { beneath: root });
  });

  test('removes symbolic links and leaves alone what they lead to', async () => {
    const root = await place();
    await mkdir(join(root, 'precious'));
    await writeFile(join(root, 'precious', 'f'), 'data');
    await mkdir(join(root, 'job'));
    await symlink('../precious', join(root, 'job', 'link'));
    await removeTree(join(root, 'job'), { beneath: root });
    expect(await readFile(join(root, 'precious', 'f'), 'utf8')).toBe('data');
  });

  test('gets into directories without permissions, and does not touch those of the parent', async () => {
    const root = await place(USER);
    await asUser(async () => {
      await mkdir(join(root, 'job', 'module', 'deep'), { recursive: true });
      await writeFile(join(root, 'job', 'module', 'deep', 'f'), '');
      await chmod(join(root, 'job', 'module', 'deep'), 0o555);
      await chmod(join(root, 'job', 'module'), 0);
      await removeTree(join(root, 'job'), { beneath: root });
    });
    expect(await readdir(root)).toEqual([]);
  });

  test('copes with others removing the same tree', async () => {
    const root = await place();
    await Promise.all(
      Array.from({ length: 40 }, (_, i) => mkdir(join(root, 'job', `${i % 7}`, `${i}`), { recursive: true })),
    );
    await Promise.all(Array.from({ length: 5 }, () => removeTree(join(root, 'job'), { beneath: root })));
    expect(await readdir(root)).toEqual([]);
  });

  test('waits for a process that is still writing into it', async () => {
    const root = await place();
    await mkdir(join(root, 'job'));
    const writer = (async () => {
      for (let i = 0; i < 20; i++) {
        await writeFile(join(root, 'job', `${i}`), '');
      }
    })().catch(() => {});
    await Promise.all([removeTree(join(root, 'job'), { beneath: root }), writer]);
    expect(await readdir(root)).toEqual([]);
  });

  test('refuses what is not beneath the place it was told', async () => {
    const root = await place();
    await mkdir(join(root, 'jobs'));
    await mkdir(join(root, 'other', 'job'), { recursive: true });
    await symlink('../other', join(root, 'jobs', 'link'));
    const beneath = join(root, 'jobs');
    for (const path of [
      join(root, 'other'),
      beneath,
      root,
      join(beneath, '..', 'other'),
      join(beneath, 'link', 'job'),
    ]) {
      await expect(removeTree(path, { beneath })).rejects.toMatchObject({ code: 'UNET_UNSAFE_PATH' });
    }
    expect((await readdir(root)).sort()).toEqual(['jobs', 'other']);
    expect(await readdir(join(root, 'other'))).toEqual(['job']);
  });

  test('refuses a symbolic link and a file', async () => {
    const root = await place();
    await mkdir(join(root, 'a'));
    await symlink('a', join(root, 'link'));
    await writeFile(join(root, 'file'), '');
    for (const name of ['link', 'file']) {
      await expect(removeTree(join(root, name), { beneath: root })).rejects.toMatchObject({
        code: 'UNET_UNSAFE_PATH',
      });
    }
  });

  test.runIf(isRoot)(
    'refuses another user’s directory, and names what it may not remove in ours',
    async () => {
      const root = await place(USER);
      await mkdir(join(root, 'job', 'theirs'), { recursive: true });
      await writeFile(join(root, 'job', 'theirs', 'f'), '');
      await chown(join(root, 'job', 'theirs'), STRANGER, STRANGER);
      await expect(asUser(() => removeTree(join(root, 'job'), { beneath: root }))).rejects.toMatchObject({
        code: 'UNET_UNSAFE_PATH',
      });
      await chown(join(root, 'job'), USER, USER);
      await expect(asUser(() => removeTree(join(root, 'job'), { beneath: root }))).rejects.toMatchObject({
        code: 'UNET_TEARDOWN_INCOMPLETE',
        message: expect.stringContaining('theirs/f'),
      });
    },
  );

  test.runIf(isRoot)('does not go into another filesystem that is mounted inside', async ({ skip }) => {
    const root = await place();
    const mounted = join(root, 'job', 'mounted');
    await mkdir(mounted, { recursive: true });
    try {
      execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', mounted]);
    } catch {
      skip('mounting is not permitted here');
    }
    onTestFinished(() => void execFileSync('umount', [mounted]));
    await writeFile(join(mounted, 'f'), '');
    await expect(removeTree(join(root, 'job'), { beneath: root })).rejects.toMatchObject({
      code: 'UNET_TEARDOWN_INCOMPLETE',
      message: expect.stringContaining('another filesystem is mounted there'),
    });
    expect((await stat(join(mounted, 'f'))).isFile()).toBe(true);
  });
});

test('the free space of a path that is not there yet is that of where it would be', async () => {
  const root = await place();
  expect(await freeBytes(join(root, 'not', 'there'))).toBeGreaterThan(0);
});
