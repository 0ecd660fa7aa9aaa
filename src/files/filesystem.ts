/** What kind of filesystem a path is on, and whether other machines may have it too. */
import { readFile, realpath, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { errnoOf } from '../errors.ts';

// By their names in /proc/self/mountinfo; those of FUSE are `fuse.NAME`.
const SHARED = new Set([
  '9p',
  'acfs',
  'afs',
  'beegfs',
  'beegfs_nodev',
  'bgfs',
  'ceph',
  'cifs',
  'coda',
  'cvmfs',
  'dvs',
  'gfs',
  'gfs2',
  'glusterfs',
  'gpfs',
  'lustre',
  'mmfs',
  'ncpfs',
  'nfs',
  'nfs4',
  'ocfs2',
  'orangefs',
  'panfs',
  'pvfs2',
  'quobyte',
  'smb3',
  'smbfs',
  'vboxsf',
  'wekafs',
]);
// The rest of FUSE is sshfs, gluster, s3fs and their like: shared, or as slow.
const LOCAL_FUSE = new Set(['fuseblk', 'fuse.fuse-overlayfs', 'fuse.overlayfs', 'fuse.lxcfs', 'fuse.ext4']);

export type Filesystem = { type: string; mountPoint: string; shared: boolean; noexec?: boolean };

/** The filesystem of `path`, or of its nearest parent that exists. Undefined where /proc does not tell. */
export async function filesystemOf(path: string): Promise<Filesystem | undefined> {
  const real = await nearest(path);
  // Looking into it makes an automounter mount what belongs there.
  await stat(`${real}/.`).catch(() => {});
  const mounts = parseMountInfo(await readFile('/proc/self/mountinfo', 'utf8').catch(() => ''));
  // The last of those with the longest path lies on top.
  const found = mounts
    .filter(({ mountPoint }) => isWithin(real, mountPoint))
    .reduce<Mount | undefined>(
      (best, one) => (best === undefined || one.mountPoint.length >= best.mountPoint.length ? one : best),
      undefined,
    );
  return found === undefined ? undefined : { ...found, shared: isShared(found.type) };
}

type Mount = { type: string; mountPoint: string; noexec: boolean };

/** proc_pid_mountinfo(5): id parent major:minor root MOUNT-POINT options [tags] - TYPE source options. */
export function parseMountInfo(text: string): Mount[] {
  return text.split('\n').flatMap((line) => {
    const [before = '', after] = line.split(' - ');
    const [, , , , mountPoint, options = ''] = before.split(' ');
    const type = after?.split(' ')[0];
    return mountPoint === undefined || type === undefined
      ? []
      : [{ type, mountPoint: unescaped(mountPoint), noexec: options.split(',').includes('noexec') }];
  });
}

export function isShared(type: string): boolean {
  return SHARED.has(type) || ((type === 'fuse' || type.startsWith('fuse.')) && !LOCAL_FUSE.has(type));
}

async function nearest(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch (error) {
    const parent = dirname(path);
    if (errnoOf(error) === 'ENOENT' && parent !== path) {
      return nearest(parent);
    }
    throw error;
  }
}

function isWithin(path: string, mountPoint: string): boolean {
  return mountPoint === '/' || path === mountPoint || path.startsWith(`${mountPoint}/`);
}

/** Blanks, tabs, line ends and backslashes are written in octal. */
function unescaped(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  );
}
