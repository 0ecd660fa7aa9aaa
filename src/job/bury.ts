/** The end of a job's files: all of them, or all but the logs that a failure left for a look. */
import { readdir, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { removeEmptyParents } from '../files/empty-parents.ts';
import { removeTree } from '../files/remove-tree.ts';
import { controlSocket, type JobPaths } from './layout.ts';

/** Removes the job directory, or with `keepLogs` all of it but the logs and the last state. */
export async function buryJob(paths: JobPaths, { keepLogs }: { keepLogs: boolean }): Promise<void> {
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

/** Removes the admin's kubeconfig and the join record, as soon as nobody is to use them any more. */
export async function removeSecrets(paths: JobPaths): Promise<void> {
  await Promise.all([paths.kubeconfig, paths.join].map((path) => rm(path, { recursive: true, force: true })));
}

/** Removes the supervisor's socket on this host, and the directories that it leaves empty. */
export async function removeControl(jobId: string): Promise<void> {
  const { directory } = controlSocket(jobId);
  await rm(directory, { recursive: true, force: true });
  await removeEmptyParents(directory, dirname(dirname(directory)));
}
