/** The Slurm job that the environment names: a batch script, or a shell of salloc, also on a login node. */
import { hostname } from 'node:os';
import { isDeepStrictEqual } from 'node:util';
import { UnetError } from '../errors.ts';
import { childEnvironment, type Environment } from '../process/environment.ts';
import { ownUid } from '../process/user.ts';
import type { Allocation } from '../scheduler/allocation.ts';
import type { SlurmDetails } from './details.ts';
import { type JobFacts, jobFacts, showHostnames } from './scontrol.ts';

/**
 * What Slurm says counts, where it answers: SLURM_JOB_ID may be another job's than the rest of the environment, or a shell may have
 * outlived its job (`ended`). Where Slurm does not answer the environment has to do.
 *
 * @throws UnetError UNET_NO_ALLOCATION without SLURM_JOB_ID, and for a job that has no nodes or is another user's;
 *   UNET_ALLOCATION_UNREADABLE when Slurm does not answer.
 */
export async function slurmAllocation(env: NodeJS.ProcessEnv, signal?: AbortSignal): Promise<Allocation> {
  // In a task of a heterogeneous job's component too, the first component's id is that of the job.
  const id = env.SLURM_JOB_ID_HET_GROUP_0 ?? env.SLURM_JOB_ID;
  if (id === undefined || !/^\d+$/.test(id)) {
    const found = id === undefined ? 'SLURM_JOB_ID is not set' : `SLURM_JOB_ID is "${id}"`;
    throw noJob(`this is not inside a Slurm job: ${found}`);
  }
  const slurmEnv = childEnvironment(env);
  const given = listsOf(env);
  const [facts, named] = await Promise.all([
    jobFacts(id, slurmEnv, signal).catch((error: unknown) => {
      signal?.throwIfAborted();
      if (given.length === 0) {
        throw error;
      }
    }),
    expandAll(given, slurmEnv, signal),
  ]);
  const lists = facts === undefined || facts.length === 0 ? given : listsOfFacts(id, facts, given);
  if (lists.length === 0) {
    throw noJob(`job ${id} of SLURM_JOB_ID is over, or there never was one`);
  }
  const components = lists === given ? named : await expandAll(lists, slurmEnv, signal);
  const nodes = [...new Set(components.flat())];
  const leftMs = facts?.[0]?.leftMs;
  return {
    kind: 'slurm',
    jobId: `slurm-${id}`,
    schedulerJobId: id,
    nodes,
    self: selfAmong(nodes, env),
    endsAt: leftMs === undefined ? undefined : Date.now() + leftMs,
    ...(facts?.length === 0 ? { ended: true } : {}),
    ...(components.length > 1 ? { details: { components } satisfies SlurmDetails } : {}),
  };
}

/** The host list of each component of the job, as the environment has them; one for a job that is not heterogeneous. */
function listsOf(env: NodeJS.ProcessEnv): string[] {
  const size = Number(env.SLURM_HET_SIZE ?? 0);
  const groups = Array.from({ length: size }, (_, group) => env[`SLURM_JOB_NODELIST_HET_GROUP_${group}`]);
  return (size > 1 ? groups : [env.SLURM_JOB_NODELIST]).filter(
    (list): list is string => list !== undefined && list !== '',
  );
}

/** As Slurm has them; the given ones where they are the same. */
function listsOfFacts(id: string, facts: readonly JobFacts[], given: string[]): string[] {
  const lists = facts.map(({ nodes }) => nodes);
  if (isDeepStrictEqual(lists, given)) {
    return given;
  }
  const [{ state, uid } = { state: 'unknown', uid: 0 }] = facts;
  if (uid !== ownUid()) {
    throw noJob(`job ${id} of SLURM_JOB_ID belongs to another user (id ${uid})`);
  }
  if (lists.some((list) => list === '')) {
    throw noJob(`job ${id} of SLURM_JOB_ID is ${state}: it has no nodes`);
  }
  return lists;
}

async function expandAll(
  lists: readonly string[],
  env: Environment,
  signal: AbortSignal | undefined,
): Promise<string[][]> {
  return await Promise.all(lists.map((list) => showHostnames(list, env, signal)));
}

function noJob(message: string): UnetError {
  return new UnetError('UNET_NO_ALLOCATION', message, {
    remedy: 'run it in an sbatch script or in a shell of salloc',
  });
}

/**
 * Slurm's own name for this host, where it has given one: several hosts may have the same host name. Only a shell that slurmd did not
 * start (salloc on a login node, ssh) is without SLURMD_NODENAME, and goes by its host name.
 */
export function selfAmong(nodes: readonly string[], env: NodeJS.ProcessEnv): string | undefined {
  const host = hostname();
  const names = env.SLURMD_NODENAME === undefined ? [host, host.split('.')[0]] : [env.SLURMD_NODENAME];
  return nodes.find((node) => names.includes(node));
}
