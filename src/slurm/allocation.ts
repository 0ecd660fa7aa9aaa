/** The Slurm job that the environment names: a batch script, or a shell of salloc, also on a login node. */
import { hostname } from 'node:os';
import { UnetError } from '../errors.ts';
import { childEnvironment } from '../process/environment.ts';
import type { Allocation } from '../scheduler/allocation.ts';
import { showHostnames, timeLeft } from './scontrol.ts';

/** @throws UnetError UNET_NO_ALLOCATION without SLURM_JOB_ID, UNET_ALLOCATION_UNREADABLE when Slurm does not answer. */
export async function slurmAllocation(env: NodeJS.ProcessEnv, signal?: AbortSignal): Promise<Allocation> {
  const schedulerJobId = env.SLURM_JOB_ID;
  const list = env.SLURM_JOB_NODELIST;
  if (schedulerJobId === undefined || list === undefined || !/^\d+$/.test(schedulerJobId)) {
    throw new UnetError(
      'UNET_NO_ALLOCATION',
      'this is not inside a Slurm job: SLURM_JOB_ID and SLURM_JOB_NODELIST are not set',
      {
        remedy: 'run it in an sbatch script or in a shell of salloc',
      },
    );
  }
  const slurmEnv = childEnvironment(env);
  const [nodes, leftMs] = await Promise.all([
    showHostnames(list, slurmEnv, signal),
    // For a person to read, and no reason to fail when slurmctld is away.
    timeLeft(schedulerJobId, slurmEnv, signal).catch(() => undefined),
  ]);
  return {
    kind: 'slurm',
    jobId: `slurm-${schedulerJobId}`,
    schedulerJobId,
    nodes,
    self: selfAmong(nodes, env),
    endsAt: leftMs === undefined ? undefined : Date.now() + leftMs,
  };
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
