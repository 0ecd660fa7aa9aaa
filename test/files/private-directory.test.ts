import { chmod, chown, mkdir, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { ensurePrivateDirectory } from '../../src/files/private-directory.ts';
import { asUser, isRoot, place, STRANGER, USER } from './place.ts';

const mode = async (path: string) => (await stat(path)).mode & 0o7777;

describe('a private directory', () => {
  test('is made with its missing parents, all of them closed to others', async () => {
    const path = join(await place(), 'a', 'b', 'c');
    await ensurePrivateDirectory(path);
    expect(await Promise.all([path, join(path, '..'), join(path, '../..')].map(mode))).toEqual([
      0o700, 0o700, 0o700,
    ]);
  });

  test('is accepted when it is there already', async () => {
    const path = join(await place(), 'a');
    await ensurePrivateDirectory(path);
    await ensurePrivateDirectory(path);
  });

  test('can be made by many at the same time', async () => {
    const path = join(await place(), 'a', 'b');
    await Promise.all(Array.from({ length: 20 }, () => ensurePrivateDirectory(path)));
    expect(await mode(path)).toBe(0o700);
  });

  test('is refused when others could read it, with the command that closes it', async () => {
    const path = join(await place(), 'a');
    await mkdir(path);
    await chmod(path, 0o750);
    await expect(ensurePrivateDirectory(path)).rejects.toMatchObject({
      code: 'UNET_UNSAFE_PATH',
      message: `${path} has mode 0750 instead of 0700`,
      details: { remedy: expect.stringContaining(`chmod 700 ${path}`) },
    });
  });

  test('keeps the set-group-id bit of a project directory', async () => {
    const path = join(await place(), 'a');
    await mkdir(path);
    await chmod(path, 0o2700);
    await ensurePrivateDirectory(path);
  });

  test('is refused when it is a symbolic link, even to a directory of ours', async () => {
    const root = await place();
    await mkdir(join(root, 'real'), { mode: 0o700 });
    await symlink('real', join(root, 'a'));
    await expect(ensurePrivateDirectory(join(root, 'a'))).rejects.toMatchObject({
      code: 'UNET_UNSAFE_PATH',
      message: expect.stringContaining('is a symbolic link'),
    });
  });

  test.skipIf(process.getuid?.() !== 0)(
    'may lie in a directory that its group can write to, if the user trusts it',
    async () => {
      const root = await place();
      const team = join(root, 'team');
      await mkdir(team);
      await chown(team, 0, 4243);
      await chmod(team, 0o775);
      await expect(ensurePrivateDirectory(join(team, 'a'))).rejects.toMatchObject({
        code: 'UNET_UNSAFE_PATH',
        message: `${team} is writable by its group (id 4243), whose members can replace what is in it`,
        details: { remedy: expect.stringContaining('UNET_TRUSTED_PATHS') },
      });
      vi.stubEnv('UNET_TRUSTED_PATHS', team);
      onTestFinished(() => void vi.unstubAllEnvs());
      await ensurePrivateDirectory(join(team, 'a'));
      await chmod(team, 0o777);
      await expect(ensurePrivateDirectory(join(team, 'b'))).rejects.toMatchObject({
        code: 'UNET_UNSAFE_PATH',
      });
    },
  );

  test('may lie behind a symbolic link of ours, such as a site’s /scratch', async () => {
    const root = await place();
    await mkdir(join(root, 'real'), { mode: 0o700 });
    await symlink('real', join(root, 'link'));
    await ensurePrivateDirectory(join(root, 'link', 'a'));
    expect(await mode(join(root, 'real', 'a'))).toBe(0o700);
  });

  test('is refused when it is a file, or beneath one', async () => {
    const file = join(await place(), 'file');
    await writeFile(file, '');
    await expect(ensurePrivateDirectory(file)).rejects.toMatchObject({ code: 'UNET_UNSAFE_PATH' });
    await expect(ensurePrivateDirectory(join(file, 'a'))).rejects.toMatchObject({
      code: 'UNET_DIR_UNWRITABLE',
      message: expect.stringContaining('a part of the path is not a directory'),
    });
  });

  test('is refused beneath a directory that everyone may write to, unless that is sticky', async () => {
    const open = join(await place(), 'open');
    await mkdir(open);
    await chmod(open, 0o777);
    await expect(ensurePrivateDirectory(join(open, 'a'))).rejects.toMatchObject({
      code: 'UNET_UNSAFE_PATH',
      message: expect.stringContaining(`${open} is writable by everyone`),
    });
    await chmod(open, 0o1777);
    await ensurePrivateDirectory(join(open, 'a'));
  });

  test.runIf(isRoot)(
    'is refused beneath a directory that a group may write to, but not the user’s own',
    async () => {
      const shared = join(await place(USER), 'shared');
      await mkdir(shared);
      await chown(shared, USER, STRANGER);
      await chmod(shared, 0o770);
      await expect(asUser(() => ensurePrivateDirectory(join(shared, 'a')))).rejects.toMatchObject({
        code: 'UNET_UNSAFE_PATH',
        message: expect.stringContaining('is writable by its group'),
      });
      await chown(shared, USER, USER);
      await asUser(() => ensurePrivateDirectory(join(shared, 'a')));
    },
  );

  test.runIf(isRoot)(
    'is refused when it, a directory above it, or a link to it is another user’s',
    async () => {
      const root = await place();
      await chmod(root, 0o1777);
      const theirs = join(root, 'theirs');
      await mkdir(theirs);
      await chmod(theirs, 0o777);
      await chown(theirs, STRANGER, STRANGER);
      await mkdir(join(root, 'ours'));
      await chown(join(root, 'ours'), USER, USER);
      await asUser(() => symlink('ours', join(root, 'planted')));
      const { lchown } = await import('node:fs/promises');
      await lchown(join(root, 'planted'), STRANGER, STRANGER);
      for (const path of ['theirs', 'theirs/a', 'planted/a']) {
        await expect(asUser(() => ensurePrivateDirectory(join(root, path)))).rejects.toMatchObject({
          code: 'UNET_UNSAFE_PATH',
          message: expect.stringContaining(`another user (id ${STRANGER})`),
        });
      }
    },
  );

  test('that cannot be made says why', async () => {
    const root = await place(USER);
    await chmod(root, 0o500);
    await expect(asUser(() => ensurePrivateDirectory(join(root, 'a')))).rejects.toMatchObject({
      code: 'UNET_DIR_UNWRITABLE',
      message: expect.stringContaining('permission denied'),
    });
  });
});
