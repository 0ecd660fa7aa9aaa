/** What an error of the filesystem means to a user. */
import { errnoOf, UnetError } from '../errors.ts';

const NO_SPACE = new Set(['ENOSPC', 'EDQUOT']);
const NOT_PERMITTED = new Set(['EACCES', 'EPERM', 'EROFS']);
const UNUSABLE = new Set([
  'ENOENT',
  'ENOTDIR',
  'EISDIR',
  'EIO',
  'ENAMETOOLONG',
  'EMFILE',
  'ENFILE',
  'ESTALE',
  'ENOTCONN',
  'EEXIST',
]);

const REASONS: Record<string, string> = {
  EACCES: 'permission denied',
  EPERM: 'not permitted',
  EROFS: 'the filesystem is read-only',
  ENOENT: 'it does not exist',
  ENOTDIR: 'a part of the path is not a directory',
  EISDIR: 'it is a directory',
};

/** The UnetError for a system error while doing something (`write`, `create`) with `path`; any other error as it is. */
export function pathError(error: unknown, doing: string, path: string): unknown {
  if (UnetError.is(error)) {
    return error;
  }
  const errno = errnoOf(error);
  if (errno !== undefined && NO_SPACE.has(errno)) {
    return new UnetError(
      'UNET_DISK_FULL',
      `cannot ${doing} ${path}: ${errno === 'EDQUOT' ? 'the quota is used up' : 'no space left'}`,
      {
        cause: error,
        fatal: true,
        remedy: 'free space or quota there, or choose another directory with --job-dir or --node-dir',
      },
    );
  }
  if (errno !== undefined && (NOT_PERMITTED.has(errno) || UNUSABLE.has(errno))) {
    return new UnetError('UNET_DIR_UNWRITABLE', `cannot ${doing} ${path}: ${REASONS[errno] ?? errno}`, {
      cause: error,
      fatal: NOT_PERMITTED.has(errno),
      remedy: 'choose a directory that you can write to with --job-dir or --node-dir',
    });
  }
  return error;
}
