/** Taking empty directories away behind something that was removed. */
import { rmdir } from 'node:fs/promises';
import { dirname } from 'node:path';

/** Removes the parents of `path` that are empty, up to and with `root`. Somebody else's files stop it, quietly. */
export async function removeEmptyParents(path: string, root: string): Promise<void> {
  for (
    let directory = dirname(path);
    directory === root || directory.startsWith(`${root}/`);
    directory = dirname(directory)
  ) {
    try {
      await rmdir(directory);
    } catch {
      return;
    }
  }
}
