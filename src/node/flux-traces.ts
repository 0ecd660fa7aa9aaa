/**
 * What the job has put into Flux: archives, its record in the KVS, the memo. Taken away by the agent of the lead, at its end
 * or when it only cleans, so that nothing is left of a supervisor that has died.
 */
import { archivesOf, removeArchive } from '../flux/archive.ts';
import { fluxEnvironment } from '../flux/flux.ts';
import { getattr } from '../flux/instance.ts';
import { removeValue } from '../flux/kvs.ts';
import { setMemo } from '../flux/memo.ts';
import { recordKey } from '../flux/names.ts';
import { archivePrefix } from '../join/flux-archive.ts';
import type { JobSpec } from './to-agents.ts';

// An instance that is ending answers no more, and what it holds ends with it.
const TIMEOUT_MS = 5000;

/** Never throws. */
export async function removeFluxTraces(spec: JobSpec, node: string, env: NodeJS.ProcessEnv): Promise<void> {
  if (spec.fluxMemo === undefined || node !== spec.lead) {
    return;
  }
  const options = { env: fluxEnvironment(env), timeoutMs: TIMEOUT_MS };
  await Promise.allSettled([
    removeArchives(spec, options),
    removeValue(recordKey(spec.jobId), options),
    removeMemo(spec.fluxMemo, env, options),
  ]);
}

type Options = Parameters<typeof removeValue>[1];

async function removeArchives(spec: JobSpec, options: Options): Promise<void> {
  if (spec.fluxFiles === 'archive') {
    const names = await archivesOf(archivePrefix(spec.jobId), options);
    await Promise.all(names.map((name) => removeArchive({ ...options, name })));
  }
}

async function removeMemo(key: string, env: NodeJS.ProcessEnv, options: Options): Promise<void> {
  const [uri, jobId] = await Promise.all([getattr('parent-uri', options), getattr('jobid', options)]);
  if (uri !== undefined && jobId !== undefined) {
    await setMemo(jobId, key, null, { ...options, env: fluxEnvironment(env, uri) });
  }
}
