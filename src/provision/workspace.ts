/** Node-local room for clones and unpacked archives, and what killed processes have left in it. */
import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { removeEmptyParents } from '../files/empty-parents.ts';
import { pathError } from '../files/path-error.ts';
import { ensurePrivateDirectory } from '../files/private-directory.ts';
import { removeTree } from '../files/remove-tree.ts';
import { hasEnded, ownIdentity } from '../process/identity.ts';

export type Workspace = <T>(action: (directory: string) => Promise<T>) => Promise<T>;

// Beside the directories of jobs: no job has such a name.
const FETCH = '.fetch';
const MAKE_TRIES = 10;
// Of a process of another start of the machine, or of another one where the directory is shared after all.
const OLD_MS = 24 * 3_600_000;

/**
 * Gives each action a new directory beneath `findRoot()`, this user's own directory on this node, and takes it away
 * afterwards, with those whose process has ended.
 */
export function createWorkspace(findRoot: () => Promise<string>): Workspace {
  return async (action) => {
    const root = await findRoot();
    const parent = join(root, FETCH);
    const directory = join(parent, ownName());
    await sweepWorkspaces(root);
    await makeDirectory(directory);
    try {
      return await action(directory);
    } catch (error) {
      throw pathError(error, 'write to', directory);
    } finally {
      await removeTree(directory, { beneath: parent });
      await removeEmptyParents(directory, root);
    }
  };
}

/** Room within a directory that is taken away as a whole by who gave it. */
export function roomIn(parent: string): Workspace {
  return async (action) => action(await mkdtemp(join(parent, 'in-')));
}

/** Whoever ends at this moment takes the parents away when they are empty. */
async function makeDirectory(directory: string): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await ensurePrivateDirectory(dirname(directory));
      await mkdir(directory, 0o700);
      return;
    } catch (error) {
      if (attempt === MAKE_TRIES) {
        throw pathError(error, 'write to', dirname(directory));
      }
    }
  }
}

/** Removes what processes that have ended left in this user's directory on this node; resolves with how many. */
export async function sweepWorkspaces(root: string): Promise<number> {
  const parent = join(root, FETCH);
  const names = await readdir(parent).catch(() => []);
  let removed = 0;
  for (const name of names) {
    const path = join(parent, name);
    if (await isLeftOver(path, name)) {
      await removeTree(path, { beneath: parent }).catch(() => {}); // the next one may
      removed += 1;
    }
  }
  if (removed > 0) {
    await removeEmptyParents(join(parent, 'x'), dirname(parent));
  }
  return removed;
}

function ownName(): string {
  const { boot, namespace, pid, start } = ownIdentity();
  return [boot, namespace.replace(/\D/g, ''), pid, start, randomBytes(4).toString('hex')].join('_');
}

async function isLeftOver(path: string, name: string): Promise<boolean> {
  const [boot = '', namespace = '', pid = '', start = ''] = name.split('_');
  if (hasEnded({ boot, namespace: `pid:[${namespace}]`, pid: Number(pid), start })) {
    return true;
  }
  const age = await stat(path).then(
    ({ mtimeMs }) => Date.now() - mtimeMs,
    () => 0,
  );
  return boot !== ownIdentity().boot && age > OLD_MS;
}
