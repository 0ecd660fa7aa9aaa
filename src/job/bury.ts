/** The end of a job's files: all of them, or all but the logs that a failure left for a look. */
import { rm } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { removeEmptyParents } from '../files/empty-parents.ts';
import { removeTree } from '../files/remove-tree.ts';
import { controlSocket, type JobPaths } from './layout.ts';

/** Removes the job directory, or with `keepLogs` what is secret or large in it. */
export async function buryJob(paths: JobPaths, { keepLogs }: { keepLogs: boolean }): Promise<void> {
  if (keepLogs) {
    const gone = [paths.kubeconfig, paths.release, paths.nonce, paths.downRequest, paths.join];
    await Promise.all(gone.map((path) => rm(path, { recursive: true, force: true })));
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

/** Removes the supervisor's socket on this host, and the directories that it leaves empty. */
export async function removeControl(jobId: string): Promise<void> {
  const { directory } = controlSocket(jobId);
  await rm(directory, { recursive: true, force: true });
  await removeEmptyParents(directory, dirname(dirname(directory)));
}
