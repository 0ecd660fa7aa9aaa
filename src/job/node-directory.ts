/** Which of several places on a node its files go to. */
import { UnetError } from '../errors.ts';
import { filesystemOf } from '../files/filesystem.ts';
import { freeBytes } from '../files/free-space.ts';
import { ensurePrivateDirectory } from '../files/private-directory.ts';
import { TEMPORARY_DIRECTORIES, temporaryDirectory } from '../files/temporary.ts';
import { userNodeDirectory } from './layout.ts';

// A staged release is some 300 KiB; what the steps write beside it is less.
const ROOM_BYTES = 32 * 1024 * 1024;

/** The parents that may be taken, in order: those of `--node-dir`, else TMPDIR, /tmp and /dev/shm. */
export function nodeParents(setting: string | undefined): string[] {
  const parents = setting?.split(':').filter((one) => one !== '') ?? [
    temporaryDirectory(),
    ...TEMPORARY_DIRECTORIES,
  ];
  return [...new Set(parents)];
}

/** This user's directory in each of them: where files of a job may be. */
export function nodeDirectories(setting: string | undefined): string[] {
  return nodeParents(setting).map(userNodeDirectory);
}

/**
 * Makes this user's directory (0700) in the first of `parents` that is not on a shared filesystem, lets programs be run, is safe,
 * can be written and has room. Where none has room the first otherwise good one is taken: the step that fails says more.
 *
 * @param shared a shared filesystem will do.
 * @param refuse says what is wrong with a directory for another reason.
 * @throws UnetError that of the first parent, naming the others; UNET_DIR_SHARED, UNET_DIR_NOEXEC where that is why.
 */
export async function chooseNodeDirectory(
  parents: readonly string[],
  { shared, refuse = () => {} }: { shared: boolean; refuse?: (directory: string) => void },
): Promise<string> {
  const errors: UnetError[] = [];
  const full: string[] = [];
  for (const parent of parents) {
    const directory = userNodeDirectory(parent);
    try {
      refuse(directory);
      await refuseFilesystem(directory, { shared });
      if (parents.length > 1 && (await freeBytes(directory)) < ROOM_BYTES) {
        full.push(directory);
        continue;
      }
      await ensurePrivateDirectory(directory);
      return directory;
    } catch (error) {
      errors.push(UnetError.from(error));
    }
  }
  for (const directory of full) {
    try {
      await ensurePrivateDirectory(directory);
      return directory;
    } catch (error) {
      errors.push(UnetError.from(error));
    }
  }
  throw together(errors);
}

async function refuseFilesystem(directory: string, { shared }: { shared: boolean }): Promise<void> {
  const filesystem = await filesystemOf(directory);
  // make runs scripts of the release, and the compose wrapper.
  if (filesystem?.noexec === true) {
    throw new UnetError(
      'UNET_DIR_NOEXEC',
      `${directory} is on a filesystem on which no program can be run (${filesystem.mountPoint} is mounted noexec)`,
      { fatal: true, remedy: 'name a local directory where programs can be run with --node-dir' },
    );
  }
  if (!shared && filesystem?.shared === true) {
    throw new UnetError(
      'UNET_DIR_SHARED',
      `${directory} is on a shared filesystem (${filesystem.type} at ${filesystem.mountPoint})`,
      {
        fatal: true,
        remedy: 'name a local directory with --node-dir; --node-dir-shared takes this one all the same',
      },
    );
  }
}

function together(errors: readonly UnetError[]): UnetError {
  const [first, ...others] = errors;
  if (first === undefined) {
    return new UnetError('UNET_CONFIG_INVALID', '--node-dir names no directory', { fatal: true });
  }
  const message = [first, ...others].map((error) => error.message).join('; ');
  return others.length === 0 ? first : new UnetError(first.code, message, first.details);
}
