/** Removing a job's files: all of them, or all but the logs of a failure. */
import { randomBytes } from 'node:crypto';
import { readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { removeEmptyParents } from '../files/empty-parents.ts';
import { writePrivateFile } from '../files/private-file.ts';
import { removeTree } from '../files/remove-tree.ts';
import { verifyPrivateDirectory } from '../files/safe-path.ts';
import { controlSocket, type JobPaths } from './layout.ts';
import type { JobState } from './state.ts';

/** Removes the job directory, or with `keepLogs` all of it but the logs and the last state. */
export async function removeJob(paths: JobPaths, { keepLogs }: { keepLogs: boolean }): Promise<void> {
  if (keepLogs) {
    const kept = [basename(paths.logs), basename(paths.state)];
    const gone = (await readdir(paths.directory).catch(() => [])).filter((name) => !kept.includes(name));
    await Promise.all(gone.map((name) => rm(join(paths.directory, name), { recursive: true, force: true })));
  } else {
    await removeTree(paths.directory, { beneath: dirname(paths.directory) });
    await removeEmptyParents(paths.directory, topOf(paths));
  }
}

/** Removes the directories of a job that has not begun, if nothing is in them. */
export async function removeUnusedJob(paths: JobPaths): Promise<void> {
  await removeEmptyParents(join(paths.logs, 'any'), topOf(paths));
}

/** The highest directory that unet may have made: of the default place …/unet; one that was asked for stays. */
function topOf({ directory }: JobPaths): string {
  const parent = dirname(directory);
  return basename(parent) === 'jobs' && basename(dirname(parent)) === 'unet' ? dirname(parent) : directory;
}

/** Removes the admin's kubeconfig and the join record. */
export async function removeSecrets(paths: JobPaths): Promise<void> {
  await Promise.all([paths.kubeconfig, paths.join].map((path) => rm(path, { recursive: true, force: true })));
}

/** Removes the supervisor's socket on this host, and the directories that it leaves empty. */
export async function removeControl(jobId: string): Promise<void> {
  const { directory } = controlSocket(jobId);
  // Out of the way at once: the next supervisor may be making its own in this place.
  const removed = `${directory}-${randomBytes(8).toString('hex')}`;
  try {
    await verifyPrivateDirectory(directory);
    await rename(directory, removed);
  } catch {
    return; // There is none, or it is another user's.
  }
  await rm(removed, { recursive: true, force: true });
  await removeEmptyParents(directory, dirname(dirname(directory)));
}

export type EndedJob = {
  jobId: string;
  /** The last that is known of it. */
  state: JobState | undefined;
  keepLogs: boolean;
  reason: string;
};

/** What a supervisor does at its end, in place of one that cannot: no secret, no socket, no file stays but the logs that are kept. */
export async function endJob(paths: JobPaths, { jobId, state, keepLogs, reason }: EndedJob): Promise<void> {
  await removeSecrets(paths);
  // On the supervisor's host; elsewhere nothing is there.
  await removeControl(jobId);
  if (keepLogs && state !== undefined) {
    const ended: JobState = {
      ...state,
      phase: 'stopped',
      since: new Date().toISOString(),
      message: reason,
      nodes: state.nodes.map((node) => ({ ...node, clean: true })),
    };
    await writePrivateFile(paths.state, `${JSON.stringify(ended, null, 2)}\n`).catch(() => {}); // a full disk
  }
  if (state === undefined) {
    // It could not be read, whatever it is.
    await rm(paths.state, { recursive: true, force: true });
  }
  await removeJob(paths, { keepLogs });
}
