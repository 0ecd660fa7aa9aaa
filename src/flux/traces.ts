/** Removes what a job has put into Flux: archives, its record in the KVS, the memo. */
import { broadcastPrefix } from '../scheduler/broadcast-name.ts';
import { archivesOf, removeArchive } from './archive.ts';
import type { FluxDetails } from './details.ts';
import { type FluxOptions, fluxEnvironment } from './flux.ts';
import { getattr } from './instance.ts';
import type { EnclosingJob } from './job-record.ts';
import { removeValue } from './kvs.ts';
import { setMemo } from './memo.ts';
import { memoKey, recordKey } from './names.ts';

// An instance that is ending answers no more, and what it holds ends with it.
const TIMEOUT_MS = 5000;

/** Never throws. */
export async function removeFluxTraces(
  jobId: string,
  { files }: FluxDetails,
  clusterName: string,
  env: NodeJS.ProcessEnv,
): Promise<void> {
  // The broker of this node, whatever the lead calls its own.
  const options = { env: fluxEnvironment(env), timeoutMs: TIMEOUT_MS };
  await Promise.allSettled([
    files === 'archive' ? removeArchives(jobId, options) : undefined,
    removeValue(recordKey(jobId), options),
    removeMemo(memoKey(clusterName), env, options),
  ]);
}

/** Never throws. */
export async function removeMemoOf(
  { uri, jobId }: EnclosingJob,
  clusterName: string,
  env: NodeJS.ProcessEnv,
): Promise<void> {
  const options = { env: fluxEnvironment(env, uri), timeoutMs: TIMEOUT_MS };
  await setMemo(jobId, memoKey(clusterName), null, options).catch(() => {});
}

async function removeArchives(jobId: string, options: FluxOptions): Promise<void> {
  const names = await archivesOf(broadcastPrefix(jobId), options);
  await Promise.all(names.map((name) => removeArchive({ ...options, name })));
}

async function removeMemo(key: string, env: NodeJS.ProcessEnv, options: FluxOptions): Promise<void> {
  const [uri, jobId] = await Promise.all([getattr('parent-uri', options), getattr('jobid', options)]);
  if (uri !== undefined && jobId !== undefined) {
    await setMemo(jobId, key, null, { ...options, env: fluxEnvironment(env, uri) });
  }
}
