/** Finding and reading configuration files, and refusing those that somebody else could have prepared. */
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { errnoOf, UnetError } from '../errors.ts';

export const CONFIG_NAME = 'unet.yaml';
const MAX_BYTES = 1024 * 1024;
const WORLD_WRITABLE = 0o002;

export type ConfigText = { path: string; text: string };

/**
 * The nearest `unet.yaml` of `cwd` and its parents, up to the home directory or the root.
 *
 * @throws UnetError UNET_UNSAFE_PATH, UNET_CONFIG_INVALID (cannot be read)
 */
export async function findProjectFile(cwd: string, home = homedir()): Promise<ConfigText | undefined> {
  for (let directory = resolve(cwd); ; directory = dirname(directory)) {
    const found = await readConfig(join(directory, CONFIG_NAME));
    if (found !== undefined || directory === home || directory === dirname(directory)) {
      return found;
    }
  }
}

/** `config.yaml` of the user, under XDG_CONFIG_HOME or ~/.config (XDG base directory specification 0.8). */
export function readUserFile(env: NodeJS.ProcessEnv): Promise<ConfigText | undefined> {
  const given = env.XDG_CONFIG_HOME ?? '';
  // The specification has relative paths ignored.
  const base = isAbsolute(given) ? given : join(env.HOME || homedir(), '.config');
  return readConfig(join(base, 'unet', 'config.yaml'));
}

/** The text of a configuration file; undefined when there is none. /dev/null is the way to say "none". */
export async function readConfig(path: string): Promise<ConfigText | undefined> {
  if (path === '/dev/null') {
    return { path, text: '' };
  }
  let file: FileHandle;
  try {
    // Non-blocking: a FIFO in the way must not hang us.
    file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    const code = errnoOf(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') {
      return undefined;
    }
    throw new UnetError('UNET_CONFIG_INVALID', `${path} cannot be read: ${code}`, {
      cause: error,
      remedy: 'make it readable, or name another file with --config',
    });
  }
  try {
    await refuseUnsafe(path, file);
    return { path, text: await file.readFile('utf8') };
  } finally {
    await file.close();
  }
}

/** Checked on the open file, so that it cannot be exchanged between check and use. */
async function refuseUnsafe(path: string, file: FileHandle): Promise<void> {
  const { mode, uid, size, ...stat } = await file.stat().then((s) => ({
    mode: s.mode,
    uid: s.uid,
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
    throw new UnetError('UNET_UNSAFE_PATH', `${path} can be written by everybody`, {
      remedy: `chmod o-w ${path}`,
    });
  }
  if (own !== undefined && uid !== own && uid !== 0) {
    throw new UnetError('UNET_UNSAFE_PATH', `${path} belongs to another user (uid ${uid})`, {
      remedy: 'copy it to a file of your own and name that with --config',
    });
  }
}
