/** The Node and the unet that a hook is to run: absolute, and such that root's hooks may rely on them. */
import { realpath, stat } from 'node:fs/promises';
import { dirname, isAbsolute } from 'node:path';
import which from 'which';
import { UnetError } from '../errors.ts';
import { exists } from '../files/exists.ts';
import { resolveSafely } from '../files/safe-path.ts';

const OTHERS_READ = 0o004;
const OTHERS_EXECUTE = 0o001;
const NOT_OWNER_WRITE = 0o022;

// util-linux, coreutils and the C library's own: they are on every Linux that has not been stripped.
const TOOLS = ['setpriv', 'timeout', 'getent'];
const SHORT_PATH = '/usr/sbin:/usr/bin:/sbin:/bin';

/**
 * @throws UnetError UNET_UNSAFE_PATH when somebody else than root could change it: every user would run what that one writes;
 *   UNET_CONFIG_INVALID when the users cannot read it.
 */
export async function ownProgram(): Promise<{ node: string; unet: string }> {
  const [node, unet] = await Promise.all(
    [process.execPath, process.argv[1] ?? ''].map((path) => realpath(path)),
  );
  await Promise.all([node, unet].map((path) => checkProgram(path ?? '')));
  return { node: node ?? '', unet: unet ?? '' };
}

/** @throws UnetError UNET_TOOL_MISSING, UNET_UNSAFE_PATH */
export async function checkTools(): Promise<void> {
  await checkUserPath(SHORT_PATH);
  for (const tool of TOOLS) {
    const found = await which(tool, { path: SHORT_PATH, nothrow: true });
    if (found === null) {
      throw new UnetError('UNET_TOOL_MISSING', `${tool} is not in ${SHORT_PATH}, and the hooks need it`);
    }
    await checkOwner(await realpath(found));
  }
}

/**
 * Checks every directory of a PATH that the hooks set for the jobs' users.
 *
 * @throws UnetError UNET_UNSAFE_PATH when another user than root could put a program into one of them; UNET_CONFIG_INVALID for one
 *   that is not absolute.
 */
export async function checkUserPath(path: string): Promise<void> {
  for (const directory of path.split(':')) {
    if (!isAbsolute(directory)) {
      throw new UnetError('UNET_CONFIG_INVALID', `--path: "${directory}" is not an absolute path`, {
        remedy: 'give directories such as /opt/site/bin, separated by ":"',
      });
    }
    if (await exists(directory)) {
      await checkOwner(directory);
      await checkOwner(await realpath(directory));
    }
  }
}

/** The absolute path of a scheduler's command. @throws UnetError UNET_TOOL_MISSING; UNET_UNSAFE_PATH as `ownProgram` */
export async function schedulerCommand(name: string, env: NodeJS.ProcessEnv): Promise<string> {
  const path = `${env.PATH ?? ''}:${SHORT_PATH}:/usr/local/bin`;
  const found = await which(name, { path, nothrow: true });
  if (found === null) {
    throw new UnetError('UNET_TOOL_MISSING', `${name} is not on PATH`, {
      remedy: `put the directory of ${name} on PATH for this command: its hooks run it by its full path`,
    });
  }
  await checkOwner(found);
  await checkOwner(await realpath(found));
  return found;
}

async function checkProgram(path: string): Promise<void> {
  await checkOwner(path);
  for (let place = path, needed = OTHERS_READ; ; place = dirname(place), needed = OTHERS_EXECUTE) {
    if (((await stat(place)).mode & needed) === 0) {
      throw new UnetError('UNET_CONFIG_INVALID', `users cannot reach ${path}: see the mode of ${place}`, {
        remedy: 'install unet, and Node, where everybody can read them, such as /opt/unet',
      });
    }
    if (place === '/') {
      return;
    }
  }
}

/** Nobody but root may write `path`, or replace a directory or a link on the way to it. */
async function checkOwner(path: string): Promise<void> {
  await resolveSafely(path).catch(refine);
  const { uid, mode } = await stat(path);
  if (uid !== 0 || (mode & NOT_OWNER_WRITE) !== 0) {
    refine(new UnetError('UNET_UNSAFE_PATH', `${path} can be changed by others than root`));
  }
}

function refine(error: unknown): never {
  const { message } = UnetError.from(error);
  throw new UnetError('UNET_UNSAFE_PATH', message, {
    remedy:
      'root and every user of the hooks would run it: install it where only root can write, such as /opt, or take that place out of PATH',
  });
}
