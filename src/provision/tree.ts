/** The files of a release, in an order and a form that depend on their content alone. */
import { lstat, readdir, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { UnetError } from '../errors.ts';
import { checkLink, MAX_BYTES, MAX_ENTRIES, tooBig, tooMany } from './limits.ts';

export type TreeEntry = { path: string; type: 'file' | 'directory' | 'link' };

// What make and unet leave behind in a release that is used where it lies.
const LEFT_OVERS = new Set(['kubeconfig', 'join-command', 'kubectl', '.rehearsal', '.unet-release']);
const GIT = '.git';

/**
 * What is beneath `root`, relative and sorted, without git's own files and the left-overs of earlier use.
 *
 * @param shown how `root` is called in errors.
 * @throws UnetError UNET_RELEASE_INVALID: too much, a link out of the tree, or what is no file, directory or link.
 */
export async function listTree(root: string, shown: string, signal?: AbortSignal): Promise<TreeEntry[]> {
  const entries: TreeEntry[] = [];
  let bytes = 0;
  const visit = async (directory: string): Promise<void> => {
    signal?.throwIfAborted();
    // By code unit: a locale's order would differ from one machine to the next.
    const names = (await readdir(join(root, directory))).sort();
    for (const name of names) {
      const path = directory === '' ? name : `${directory}/${name}`;
      if (name === GIT || (directory === '' && LEFT_OVERS.has(name))) {
        continue;
      }
      if (entries.length >= MAX_ENTRIES) {
        throw tooMany(shown);
      }
      const stats = await lstat(join(root, path));
      if (stats.isDirectory()) {
        entries.push({ path, type: 'directory' });
        await visit(path);
      } else if (stats.isFile()) {
        bytes += stats.size;
        if (bytes > MAX_BYTES) {
          throw tooBig(shown);
        }
        entries.push({ path, type: 'file' });
      } else if (stats.isSymbolicLink()) {
        checkLink(path, await readlink(join(root, path)), shown);
        entries.push({ path, type: 'link' });
      } else {
        throw new UnetError('UNET_RELEASE_INVALID', `${path} in ${shown} is not a file, directory or link`, {
          fatal: true,
        });
      }
    }
  };
  await visit('');
  return entries;
}
