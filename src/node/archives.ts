/** What the job has put into the KVS of a Flux instance: taken away by the agent of the lead, at its end or when it only cleans. */
import { archivesOf, removeArchive } from '../flux/archive.ts';
import { fluxEnvironment } from '../flux/flux.ts';
import { archivePrefix } from '../join/flux-archive.ts';
import type { JobSpec } from './protocol.ts';

// An instance that is ending answers no more, and what it holds ends with it.
const TIMEOUT_MS = 5000;

/** Never throws. */
export async function removeArchives(spec: JobSpec, node: string, env: NodeJS.ProcessEnv): Promise<void> {
  if (spec.fluxFiles !== 'archive' || node !== spec.lead) {
    return;
  }
  const options = { env: fluxEnvironment(env), timeoutMs: TIMEOUT_MS };
  try {
    const names = await archivesOf(archivePrefix(spec.jobId), options);
    await Promise.all(names.map((name) => removeArchive({ ...options, name })));
  } catch {
    // Not reachable any more.
  }
}
