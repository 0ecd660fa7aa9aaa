/** What a release may contain, whether it comes as a tree or as an archive. */
import { UnetError } from '../errors.ts';

// Upstream's releases have some thirty files and 200 KiB. What is a thousand times that is a mistake: a home directory.
export const MAX_BYTES = 256 * 1024 * 1024;
export const MAX_ENTRIES = 20_000;

/**
 * A link may only lead to what is in the release itself: relative, and with `..` only at the beginning. For behind
 * a name, `..` leads to the parent of wherever a link of that name leads, which no look at the text can tell.
 *
 * @throws UnetError UNET_RELEASE_INVALID.
 */
export function checkLink(path: string, target: string, shown: string): void {
  const depth = path.split('/').length - 1;
  const parts = target.split('/').filter((part) => part !== '' && part !== '.');
  const ups = parts.findIndex((part) => part !== '..');
  const leading = ups === -1 ? parts.length : ups;
  const leads = target.startsWith('/') || leading > depth || parts.slice(leading).includes('..');
  if (target === '' || leads) {
    throw invalidRelease(`the link ${path} in ${shown} points outside the release (to ${target})`);
  }
}

export function tooBig(shown: string): UnetError {
  return invalidRelease(
    `${shown} has more than ${MAX_BYTES / 1024 / 1024} MiB, which is too large for a Usernetes release`,
  );
}

export function tooMany(shown: string): UnetError {
  return invalidRelease(
    `${shown} has more than ${MAX_ENTRIES} files, which is too many for a Usernetes release`,
  );
}

export function invalidRelease(message: string, cause?: unknown): UnetError {
  return new UnetError('UNET_RELEASE_INVALID', message, {
    cause,
    fatal: true,
    remedy: 'name the directory or archive of a Usernetes release only',
  });
}
