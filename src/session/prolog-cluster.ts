/** The cluster that the prologs of a job have made, as the job's own commands find it. */
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { Settings } from '../config/schema.ts';
import { jobPaths } from '../job/layout.ts';
import { type JobState, readState } from '../job/state.ts';
import { presencesOf } from '../launch/presence.ts';
import { ownBoot } from '../process/identity.ts';
import type { Allocation } from '../scheduler/allocation.ts';
import { findScheduler, SCHEDULER_NAMES, scheduler } from '../scheduler/registry.ts';

type PrologSettings = Pick<Settings, 'allocation' | 'name'>;

const DEFAULT_NAME = 'default';

export type PrologCluster = { allocation: Allocation; directory: string };

/**
 * The ids that a prolog has called this job by, the nearest one first, before the allocation is known. A cluster with another name is
 * not a prolog's.
 */
export function prologIds({ allocation, name }: PrologSettings, env: NodeJS.ProcessEnv): string[] {
  return SCHEDULER_NAMES.filter((kind) => allocation === 'auto' || allocation === kind).flatMap((kind) =>
    (scheduler(kind).hooks?.idsInJob(env) ?? []).flatMap((schedulerJobId) =>
      prologIdsOf({ kind, schedulerJobId }, name),
    ),
  );
}

/** As `prologIds`, once the allocation is known. */
export function prologIdsOf(
  { kind, schedulerJobId = '' }: Pick<Allocation, 'kind' | 'schedulerJobId'>,
  name: string,
): string[] {
  const hooks = findScheduler(kind)?.hooks;
  if (hooks === undefined || (hooks.defaultNameOnly && name !== DEFAULT_NAME)) {
    return [];
  }
  const decimal = hooks.decimalId(schedulerJobId);
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

/** What has ended the cluster that the prolog has made, and where its logs are; undefined where there was none. */
export async function failedPrologCluster(
  ids: readonly string[],
  jobs: string,
): Promise<{ jobId: string; message: string; logs: string } | undefined> {
  for (const jobId of ids) {
    const paths = jobPaths(join(jobs, jobId));
    const state = await readState(paths.state).catch(() => undefined);
    if (state?.phase === 'stopped' && state.error !== undefined) {
      return { jobId, message: state.error.message, logs: paths.logs };
    }
  }
  return undefined;
}

function allocationOf({ jobId, allocation, nodes }: JobState): Allocation {
  // Hosts may have the same name, and the nodes of one machine have the same boot id.
  const own = ownBoot();
  return {
    kind: allocation.kind,
    jobId,
    schedulerJobId: allocation.schedulerJobId,
    nodes: nodes.map(({ name }) => name),
    self: nodes.find(({ host, boot = own }) => host === hostname() && boot === own)?.name,
    endsAt: allocation.endsAt,
  };
}
