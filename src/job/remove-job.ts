/** Removing a job's files: all of them, or all but the logs of a failure. */
import { readdir, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { removeEmptyParents } from '../files/empty-parents.ts';
import { writePrivateFile } from '../files/private-file.ts';
import { removeTree } from '../files/remove-tree.ts';
import { controlSocket, type JobPaths } from './layout.ts';
import type { JobState } from './state.ts';

/** Removes the job directory, or with `keepLogs` all of it but the logs and the last state. */
export async function removeJob(paths: JobPaths, { keepLogs }: { keepLogs: boolean }): Promise<void> {
  if (keepLogs) {
    const kept = [basename(paths.logs), basename(paths.state)];
    const gone = (await readdir(paths.directory).catch(() => [])).filter((name) => !kept.includes(name));
    await Promise.all(gone.map((name) => rm(join(paths.directory, name), { recursive: true, force: true })));
  } else {
    const parent = dirname(paths.directory);
    await removeTree(paths.directory, { beneath: parent });
    // The default place, …/unet/jobs, was made by unet; one that was asked for stays.
    const own = basename(parent) === 'jobs' && basename(dirname(parent)) === 'unet';
    if (own) {
      await removeEmptyParents(paths.directory, dirname(parent));
    }
  }
}

/** Removes the admin's kubeconfig and the join record. */
export async function removeSecrets(paths: JobPaths): Promise<void> {
  await Promise.all([paths.kubeconfig, paths.join].map((path) => rm(path, { recursive: true, force: true })));
}

/** Removes the supervisor's socket on this host, and the directories that it leaves empty. */
export async function removeControl(jobId: string): Promise<void> {
  const { directory } = controlSocket(jobId);
  await rm(directory, { recursive: true, force: true });
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
