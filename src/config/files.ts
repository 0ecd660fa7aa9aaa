/** Finding and reading configuration files, and refusing those that somebody else could have prepared. */
import { constants } from 'node:fs';
import { type FileHandle, lstat, open } from 'node:fs/promises';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { errnoOf, UnetError } from '../errors.ts';
import { homeOf } from '../files/home.ts';
import { isTrustedPath, resolveSafely } from '../files/safe-path.ts';

export const CONFIG_NAME = 'unet.yaml';
const MAX_BYTES = 1024 * 1024;
const UNSAFE_REMEDY =
  'copy it to a directory of your own and name it with --config; or, if you trust everyone who can write there, see UNET_TRUSTED_PATHS';
const GROUP_WRITABLE = 0o020;
const WORLD_WRITABLE = 0o002;

export type ConfigText = {
  /** As it was named or found. */
  path: string;
  /** The directory of the file itself, behind all symbolic links: what is relative in the text is relative to it. */
  base: string;
  text: string;
};

/**
 * The nearest `unet.yaml` of `cwd` and its parents, up to the home directory or the root.
 *
 * @throws UnetError UNET_UNSAFE_PATH, UNET_CONFIG_INVALID (cannot be read)
 */
export async function findProjectFile(
  cwd: string,
  home?: string | undefined,
): Promise<ConfigText | undefined> {
  for (let directory = resolve(cwd); ; directory = dirname(directory)) {
    const found = await readConfig(join(directory, CONFIG_NAME));
    if (found !== undefined || directory === home || directory === dirname(directory)) {
      return found;
    }
  }
}

/** `config.yaml` of the user, under XDG_CONFIG_HOME or ~/.config (XDG base directory specification 0.8). */
export async function readUserFile(env: NodeJS.ProcessEnv): Promise<ConfigText | undefined> {
  const { XDG_CONFIG_HOME: given = '' } = env;
  // The specification has relative paths ignored.
  const home = homeOf(env);
  const base = isAbsolute(given) ? given : home && join(home, '.config');
  return base === undefined ? undefined : await readConfig(join(base, 'unet', 'config.yaml'));
}

/**
 * The text of a configuration file; undefined when there is none. /dev/null is the way to say "none".
 *
 * @throws UnetError UNET_UNSAFE_PATH for a file that another user could have put there, changed or linked to;
 *   UNET_CONFIG_INVALID (cannot be read)
 */
export async function readConfig(path: string): Promise<ConfigText | undefined> {
  let file: FileHandle;
  let real: string;
  try {
    await lstat(path); // before the directories on the way are judged: where there is no file, they do not matter
    real = await resolveSafely(path);
    if (real === '/dev/null') {
      return { path, base: dirname(path), text: '' };
    }
    // Non-blocking: a FIFO in the way must not hang us.
    file = await open(real, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW);
  } catch (error) {
    const code = errnoOf(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') {
      return undefined;
    }
    if (UnetError.is(error)) {
      throw new UnetError(error.code, `ignoring ${path}: ${error.message}`, {
        cause: error,
        remedy: UNSAFE_REMEDY,
      });
    }
    throw new UnetError('UNET_CONFIG_INVALID', `${path} cannot be read: ${code}`, {
      cause: error,
      remedy: 'make it readable, or name another file with --config',
    });
  }
  try {
    await refuseUnsafe(path, file);
    return { path, base: dirname(real), text: await file.readFile('utf8') };
  } finally {
    await file.close();
  }
}

/** Checked on the open file, so that it cannot be exchanged between check and use. */
async function refuseUnsafe(path: string, file: FileHandle): Promise<void> {
  const { mode, uid, gid, size, ...stat } = await file.stat().then((s) => ({
    mode: s.mode,
    uid: s.uid,
    gid: s.gid,
    size: s.size,
    regular: s.isFile(),
  }));
  const own = process.getuid?.();
  if (!stat.regular || size > MAX_BYTES) {
    const what = stat.regular ? 'larger than 1 MiB' : 'not a regular file';
    throw new UnetError('UNET_CONFIG_INVALID', `${path} is ${what}`, {
      remedy: 'name another file with --config',
    });
  }
  if ((mode & WORLD_WRITABLE) !== 0) {
    throw new UnetError('UNET_UNSAFE_PATH', `${path} is writable by everyone`, {
      remedy: `chmod o-w ${path}`,
    });
  }
  if (isTrustedPath(path)) {
    return;
  }
  if ((mode & GROUP_WRITABLE) !== 0 && gid !== own) {
    throw new UnetError('UNET_UNSAFE_PATH', `${path} is writable by its group (id ${gid})`, {
      remedy: `chmod g-w ${path}; or, if you trust all members of the group, see UNET_TRUSTED_PATHS`,
    });
  }
  if (own !== undefined && uid !== own && uid !== 0) {
    throw new UnetError('UNET_UNSAFE_PATH', `${path} belongs to another user (uid ${uid})`, {
      remedy: UNSAFE_REMEDY,
    });
  }
}
