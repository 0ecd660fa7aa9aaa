import { execFileSync } from 'node:child_process';
import { chmod, chown, link, mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, onTestFinished, test } from 'vitest';
import { createPrivateFile, readPrivateFile, writePrivateFile } from '../../src/files/private-file.ts';
import { asUser, isRoot, place, STRANGER, USER } from './place.ts';

const umask = process.umask();
afterEach(() => void process.umask(umask));

describe('writing a private file', () => {
  test('closes it to others from its first moment, whatever the umask', async () => {
    process.umask(0);
    const root = await place();
    const modes: number[] = [];
    await createPrivateFile(join(root, 'f'), async (file) => {
      modes.push((await file.stat()).mode & 0o777);
      await file.writeFile('text');
    });
    modes.push((await stat(join(root, 'f'))).mode & 0o777);
    expect(modes).toEqual([0o600, 0o600]);
  });

  test('can have another mode, be left to the system to sync, and be written outside of a directory that is watched', async () => {
    const root = await place();
    await mkdir(join(root, 'watched'), { mode: 0o700 });
    const path = join(root, 'watched', 'f');
    const seen: string[] = [];
    await createPrivateFile(
      path,
      async (file) => {
        await file.writeFile('text');
        seen.push(...(await readdir(join(root, 'watched'))));
      },
      { mode: 0o700, durable: false, temporary: root },
    );
    expect(seen).toEqual([]);
    expect((await stat(path)).mode & 0o777).toBe(0o700);
    expect(await readFile(path, 'utf8')).toBe('text');
    expect(await readdir(root)).toEqual(['watched']);
  });

  test('replaces what was there, also when that was open to others', async () => {
    const path = join(await place(), 'f');
    await writeFile(path, 'a long old text', { mode: 0o644 });
    await writePrivateFile(path, 'new');
    expect(await readPrivateFile(path)).toBe('new');
  });

  test('replaces a symbolic link instead of writing to where it leads', async () => {
    const root = await place();
    await writeFile(join(root, 'victim'), 'untouched');
    await symlink('victim', join(root, 'f'));
    await writePrivateFile(join(root, 'f'), 'new');
    expect(await readFile(join(root, 'victim'), 'utf8')).toBe('untouched');
    expect(await readPrivateFile(join(root, 'f'))).toBe('new');
  });

  test('that fails leaves the old file and nothing else', async () => {
    const root = await place();
    const path = join(root, 'f');
    await writePrivateFile(path, 'old');
    const failing = createPrivateFile(path, async (file) => {
      await file.writeFile('half of the n');
      throw new Error('interrupted');
    });
    await expect(failing).rejects.toThrow('interrupted');
    expect(await readPrivateFile(path)).toBe('old');
    expect(await readdir(root)).toEqual(['f']);
  });

  test('beneath a directory in which others could replace it is refused', async () => {
    const open = join(await place(), 'open');
    await mkdir(open);
    await chmod(open, 0o777);
    await expect(writePrivateFile(join(open, 'f'), '')).rejects.toMatchObject({ code: 'UNET_UNSAFE_PATH' });
  });

  test('where there is no directory says so', async () => {
    await expect(writePrivateFile(join(await place(), 'no', 'f'), '')).rejects.toMatchObject({
      code: 'UNET_DIR_UNWRITABLE',
    });
  });

  test.runIf(isRoot)(
    'on a full disk is an error, and keeps the old file (write-file-atomic would truncate it)',
    async ({ skip }) => {
      const disk = await place();
      try {
        execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k,mode=700', 'tmpfs', disk]);
      } catch {
        skip('mounting is not permitted here');
      }
      onTestFinished(() => void execFileSync('umount', [disk]));
      await writePrivateFile(join(disk, 'f'), 'old');
      await expect(writePrivateFile(join(disk, 'f'), 'x'.repeat(200_000))).rejects.toMatchObject({
        code: 'UNET_DISK_FULL',
        message: expect.stringContaining('no space left'),
      });
      expect(await readdir(disk)).toEqual(['f']);
      expect(await readPrivateFile(join(disk, 'f'))).toBe('old');
    },
  );
});

describe('reading a private file', () => {
  test('refuses a symbolic link, a directory, a FIFO, and one that is open to others', async () => {
    const root = await place();
    await writePrivateFile(join(root, 'real'), 'text');
    await symlink('real', join(root, 'link'));
    await mkdir(join(root, 'directory'));
    await writeFile(join(root, 'open'), 'text');
    await chmod(join(root, 'open'), 0o640);
    execFileSync('mkfifo', ['-m', '600', join(root, 'fifo')]);
    for (const [name, reason] of Object.entries({
      link: 'is a symbolic link',
      directory: 'is not a regular file',
      fifo: 'is not a regular file',
      open: 'has mode 0640',
    })) {
      await expect(readPrivateFile(join(root, name))).rejects.toMatchObject({
        code: 'UNET_UNSAFE_PATH',
        message: expect.stringContaining(reason),
      });
    }
  });

  test.runIf(isRoot)('refuses another user’s, even if it can be read', async () => {
    const path = join(await place(), 'f');
    await writePrivateFile(path, 'text');
    await chown(path, STRANGER, STRANGER);
    await expect(readPrivateFile(path)).rejects.toMatchObject({ code: 'UNET_UNSAFE_PATH' });
  });

  test('reads no more than it was told', async () => {
    const path = join(await place(), 'f');
    await writePrivateFile(path, 'x'.repeat(100));
    expect(await readPrivateFile(path, { maxBytes: 100 })).toHaveLength(100);
    await expect(readPrivateFile(path, { maxBytes: 99 })).rejects.toMatchObject({ code: 'UNET_UNSAFE_PATH' });
  });

  test('leaves it to the caller what a missing file means', async () => {
    await expect(readPrivateFile(join(await place(), 'f'))).rejects.toMatchObject({ code: 'ENOENT' });
  });

  test('works for an ordinary user, through a second name too', async () => {
    const root = await place(USER);
    await asUser(async () => {
      await writePrivateFile(join(root, 'f'), 'text');
      await link(join(root, 'f'), join(root, 'g'));
      expect(await readPrivateFile(join(root, 'g'))).toBe('text');
    });
  });
});
