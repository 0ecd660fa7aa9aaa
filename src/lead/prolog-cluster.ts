/** The cluster that the prologs of a job have made, as the job's own commands find it. */
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { Allocation } from '../allocation/allocation.ts';
import type { Settings } from '../config/schema.ts';
import { decimalJobId } from '../flux/job-id.ts';
import { presencesOf } from '../job/presence.ts';
import { type JobState, readState } from '../job/state.ts';

type PrologSettings = Pick<Settings, 'allocation' | 'name'>;

const DEFAULT_NAME = 'default';

export type PrologCluster = { allocation: Allocation; directory: string };

/**
 * The ids that a prolog has called this job by, the nearest one first: in a step of a Flux job FLUX_JOB_ID, in the script of a
 * batch job, which is an instance of its own, the id in the instance around it. A cluster with another name is not a prolog's.
 */
export function prologIds({ allocation, name }: PrologSettings, env: NodeJS.ProcessEnv): string[] {
  if (allocation !== 'auto' && allocation !== 'flux') {
    return [];
  }
  return [env.FLUX_JOB_ID, env.FLUX_ENCLOSING_ID].flatMap((schedulerJobId) =>
    prologIdsOf({ kind: 'flux', schedulerJobId }, name),
  );
}

/** As `prologIds`, once the allocation is known. */
export function prologIdsOf(
  { kind, schedulerJobId: id = '' }: Pick<Allocation, 'kind' | 'schedulerJobId'>,
  name: string,
): string[] {
  if (kind === 'flux' && name !== DEFAULT_NAME) {
    return [];
  }
  const decimal = /^\d+$/.test(id) ? id : kind === 'flux' ? decimalJobId(id) : undefined;
  return decimal === undefined ? [] : [`${kind}-${decimal}`];
}

/**
 * By what the prolog has left on this node; elsewhere in the job by the job directory, if that is where `jobs` says.
 *
 * @param jobs the parent of job directories.
 */
export async function findPrologCluster(
  ids: readonly string[],
  jobs: string,
): Promise<PrologCluster | undefined> {
  for (const id of ids) {
    const [here] = await presencesOf(id);
    if (here !== undefined) {
      return { allocation: { ...here.allocation, attached: undefined }, directory: here.jobDir };
    }
    const directory = join(jobs, id);
    const state = await readState(join(directory, 'state.json')).catch(() => undefined);
    if (state !== undefined && state.phase !== 'stopped') {
      return { allocation: allocationOf(state), directory };
    }
  }
  return undefined;
}

function allocationOf({ jobId, allocation, nodes }: JobState): Allocation {
  return {
    kind: allocation.kind === 'slurm' ? 'slurm' : 'flux',
    jobId,
    schedulerJobId: allocation.schedulerJobId,
    nodes: nodes.map(({ name }) => name),
    self: nodes.find(({ host }) => host === hostname())?.name,
    endsAt: allocation.endsAt,
  };
}
