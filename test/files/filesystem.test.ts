import { execFileSync } from 'node:child_process';
import { mkdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { filesystemOf, isShared, parseMountInfo } from '../../src/files/filesystem.ts';
import { isRoot, place } from './place.ts';

describe('the filesystem of a path', () => {
  test('is shared when other machines have it too, by its type', () => {
    const shared = [
      'nfs',
      'nfs4',
      'lustre',
      'gpfs',
      'beegfs',
      'cifs',
      'smb3',
      'ceph',
      '9p',
      'fuse.sshfs',
      'fuse',
    ];
    const local = ['ext4', 'xfs', 'btrfs', 'zfs', 'tmpfs', 'overlay', 'fuseblk', 'fuse.fuse-overlayfs'];
    expect(shared.filter((type) => !isShared(type))).toEqual([]);
    expect(local.filter(isShared)).toEqual([]);
  });

  test('is read from lines of mountinfo, with blanks in names and optional fields', () => {
    const text = `36 35 98:0 /mnt1 /mnt/a\\040b rw,noexec,noatime master:1 shared:2 - nfs4 host:/x rw
22 1 8:1 / / rw - ext4 /dev/sda1 rw
nonsense
`;
    expect(parseMountInfo(text)).toEqual([
      { type: 'nfs4', mountPoint: '/mnt/a b', noexec: true },
      { type: 'ext4', mountPoint: '/', noexec: false },
    ]);
  });

  test('is that of the nearest parent for what is not there yet', async () => {
    expect(await filesystemOf('/proc/no/such')).toMatchObject({
      type: 'proc',
      mountPoint: '/proc',
      shared: false,
    });
  });

  test.runIf(isRoot)(
    'is the one on top, through links, and not one with a similar name',
    async ({ skip }) => {
      const directory = await place();
      const mounted = join(directory, 'm');
      await mkdir(mounted);
      await mkdir(join(directory, 'mm'));
      await symlink(mounted, join(directory, 'link'));
      const beneath = await filesystemOf(directory);
      try {
        execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', mounted], { stdio: 'ignore' });
      } catch {
        skip('nothing can be mounted here');
      }
      onTestFinished(() => void execFileSync('umount', ['-l', mounted]));
      expect(await filesystemOf(join(directory, 'link', 'x'))).toMatchObject({
        type: 'tmpfs',
        mountPoint: mounted,
      });
      expect(await filesystemOf(join(directory, 'mm'))).toEqual(beneath);
    },
  );
});
