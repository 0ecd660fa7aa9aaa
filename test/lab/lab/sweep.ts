import { existsSync, readdirSync, rmdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { waitFor } from './deadline.ts';
import { freezerOf } from './namespaces.ts';
import { isAlive, killIdentified, LABS_DIRECTORY, type LabState, loadState } from './state.ts';

/** A directory without a state is a lab that is just being made, until it is this old. */
const STATELESS_GRACE_MS = 60_000;
const END_TIMEOUT_MS = 20_000;

/** Ends what killed owners left. A lab made by hand stays while it runs. */
export async function sweep(): Promise<void> {
  for (const id of listDirectory(LABS_DIRECTORY)) {
    const root = join(LABS_DIRECTORY, id);
    const state = loadState(root);
    if (state === undefined) {
      if (ageMs(root) > STATELESS_GRACE_MS) removeRoot(root);
    } else if (!isAlive(state.kind === 'owned' ? state.owner : state.init)) {
      await endLab(state);
    }
  }
}

/** The kernel ends all of a lab with its pid 1; then its holder removes the directory. Repeatable. */
export async function endLab(state: Pick<LabState, 'root' | 'init' | 'holder'>): Promise<void> {
  killIdentified(state.init);
  await waitFor(`the end of ${state.root}`, () => !isAlive(state.holder) || undefined, {
    timeoutMs: END_TIMEOUT_MS,
    everyMs: 10,
  });
  removeRoot(state.root);
}

/** For the case that the holder was killed too. */
export function removeRoot(root: string): void {
  rmSync(root, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
  removeCgroups(freezerOf(root));
}

/** Cgroups are removed from the leaves up; the files in them cannot be, and go with them. */
function removeCgroups(cgroup: string): void {
  for (const entry of existsSync(cgroup) ? readdirSync(cgroup, { withFileTypes: true }) : []) {
    if (entry.isDirectory()) removeCgroups(join(cgroup, entry.name));
  }
  if (existsSync(cgroup)) rmdirSync(cgroup);
}

function listDirectory(path: string): string[] {
  try {
    return readdirSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

function ageMs(path: string): number {
  return Date.now() - (statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Date.now());
}
