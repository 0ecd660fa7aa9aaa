/** A cluster of an enclosing Flux instance: a job in a job may want that one instead of its own. */
import type { JobState } from '../job/state.ts';
import { ownUid } from '../process/user.ts';
import type { EnclosingCluster } from '../scheduler/scheduler.ts';
import type { FluxDetails } from './details.ts';
import { type FluxOptions, fluxEnvironment } from './flux.ts';
import { getattr } from './instance.ts';
import { parseState } from './job-record.ts';
import { getValue, listValues } from './kvs.ts';
import { RECORDS, recordKey } from './names.ts';

const TIMEOUT_MS = 5000;
// Flux itself has no such limit, but nobody nests deeper, and what answers wrongly must not keep us.
const MAX_DEPTH = 16;

/**
 * A sentence about the nearest cluster that is up or comes up in an enclosing instance of this user, with how to use it;
 * undefined where there is none, or no instance around this one lets its KVS be read. Never throws.
 */
export async function enclosingCluster(
  { enclosing }: FluxDetails,
  env: NodeJS.ProcessEnv,
): Promise<EnclosingCluster | undefined> {
  let uri = enclosing?.uri;
  for (let level = 1; uri !== undefined && level <= MAX_DEPTH; level += 1) {
    const options = { env: fluxEnvironment(env, uri), timeoutMs: TIMEOUT_MS };
    try {
      const state = await clusterIn(options);
      if (state !== undefined) {
        // For the next one the form that is right on every node.
        return describe(state, level === 1 ? '$(flux getattr parent-uri)' : uri);
      }
      uri = await getattr('parent-uri', options);
    } catch {
      return undefined;
    }
  }
  return undefined;
}

async function clusterIn(options: FluxOptions): Promise<JobState | undefined> {
  // Of somebody else's, a system instance, the KVS cannot be read.
  if (Number(await getattr('security.owner', options)) !== ownUid()) {
    return undefined;
  }
  const names = await listValues(RECORDS, options);
  const texts = await Promise.all(names.map((name) => getValue(recordKey(name), options)));
  return texts.map(parseState).find((state) => state !== undefined && isUp(state));
}

function isUp({ phase }: JobState): boolean {
  return ['starting', 'bringing-up', 'usable', 'degraded'].includes(phase);
}

function describe(state: JobState, uri: string): EnclosingCluster {
  const name = state.name === undefined || state.name === 'default' ? '' : ` --name ${state.name}`;
  return {
    sentence: `a cluster is in the enclosing Flux instance, ${state.jobId} (${state.phase}, lead ${state.lead})`,
    use: `eval "$(FLUX_URI=${uri} unet env${name})"`,
  };
}
