import { execFileSync } from 'node:child_process';
import { chmod, mkdir, stat } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { chooseNodeDirectory, nodeParents } from '../../src/job/node-directory.ts';
import { isRoot, place } from '../files/place.ts';

const types = vi.hoisted(() => new Map<string, string>());

// Mounting an NFS takes a server; what is done about it does not.
vi.mock('../../src/files/filesystem.ts', async (original) => {
  const real = await original<typeof import('../../src/files/filesystem.ts')>();
  return {
    ...real,
    filesystemOf: async (path: string) => {
      const [mountPoint, type] = [...types].find(([beginning]) => path.startsWith(beginning)) ?? [
        '/',
        'ext4',
      ];
      return { type, mountPoint, shared: real.isShared(type) };
    },
  };
});

const UID = userInfo().uid;
const LOCAL = { shared: false };

beforeEach(() => types.clear());

describe('the node-local directory', () => {
  test('is beneath TMPDIR, /tmp or /dev/shm, or what was asked for, in this order', () => {
    expect(nodeParents(undefined)).toEqual([...new Set([tmpdir(), '/tmp', '/dev/shm'])]);
    expect(nodeParents('/scratch:/tmp::/scratch')).toEqual(['/scratch', '/tmp']);
  });

  test('is in the first place that will do, for the user alone', async () => {
    const [first, second] = [await place(), await place()];
    const chosen = await chooseNodeDirectory([first, second], LOCAL);
    expect(chosen).toBe(join(first, `unet-${UID}`));
    expect((await stat(chosen)).mode & 0o777).toBe(0o700);
  });

  test('passes over a shared filesystem, unless told', async () => {
    const [nfs, local] = [await place(), await place()];
    types.set(nfs, 'nfs4');
    expect(await chooseNodeDirectory([nfs, local], LOCAL)).toBe(join(local, `unet-${UID}`));
    expect(await chooseNodeDirectory([nfs, local], { shared: true })).toBe(join(nfs, `unet-${UID}`));
  });

  test('is refused when all are shared, with the remedy', async () => {
    const [lustre, sshfs] = [await place(), await place()];
    types.set(lustre, 'lustre').set(sshfs, 'fuse.sshfs');
    await expect(chooseNodeDirectory([lustre, sshfs], LOCAL)).rejects.toMatchObject({
      code: 'UNET_DIR_SHARED',
      exitCode: 3,
      message: expect.stringMatching(/is on a shared filesystem \(lustre at .*; .*\(fuse\.sshfs at /),
      details: { remedy: expect.stringContaining('--node-dir-shared') },
    });
  });

  test('passes over what others could have prepared, and refuses it where there is nothing else', async () => {
    const [planted, good] = [await place(), await place()];
    await mkdir(join(planted, `unet-${UID}`));
    await chmod(join(planted, `unet-${UID}`), 0o777);
    expect(await chooseNodeDirectory([planted, good], LOCAL)).toBe(join(good, `unet-${UID}`));
    await expect(chooseNodeDirectory([planted], LOCAL)).rejects.toMatchObject({ code: 'UNET_UNSAFE_PATH' });
    await expect(chooseNodeDirectory([planted, '/proc'], LOCAL)).rejects.toMatchObject({
      code: 'UNET_UNSAFE_PATH',
      message: expect.stringContaining('; cannot'),
    });
  });

  test('passes over what the caller refuses', async () => {
    const [bad, good] = [await place(), await place()];
    const refuse = (directory: string) => {
      if (directory.startsWith(bad)) {
        throw new Error('no');
      }
    };
    expect(await chooseNodeDirectory([bad, good], { ...LOCAL, refuse })).toBe(join(good, `unet-${UID}`));
  });

  test.runIf(isRoot)('passes over a full filesystem, if another one has room', async ({ skip }) => {
    const [small, good] = [await place(), await place()];
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m,mode=700', 'tmpfs', small], { stdio: 'ignore' });
    } catch {
      skip('nothing can be mounted here');
    }
    onTestFinished(() => void execFileSync('umount', ['-l', small]));
    expect(await chooseNodeDirectory([small, good], LOCAL)).toBe(join(good, `unet-${UID}`));
    expect(await chooseNodeDirectory([small, '/proc'], LOCAL)).toBe(join(small, `unet-${UID}`));
  });
});
