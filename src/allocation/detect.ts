/** Which allocation this is: the one asked for, or the one that the environment shows. */
import { UnetError } from '../errors.ts';
import type { Allocation, AllocationKind } from './allocation.ts';
import { fluxAllocation } from './flux.ts';
import { localAllocation } from './local.ts';
import { slurmAllocation } from './slurm.ts';

export type DetectOptions = {
  kind: 'auto' | AllocationKind;
  nodes?: number | undefined;
  name: string;
  env: NodeJS.ProcessEnv;
  signal?: AbortSignal | undefined;
  /** There is a cluster of the local allocation: outside of any other, that is the one which is meant. */
  hasLocal?: boolean;
};

/**
 * @throws UnetError UNET_NO_ALLOCATION, saying what was looked for; UNET_TOO_MANY_NODES; UNET_USAGE when more nodes
 *   are asked for than there are.
 */
export async function detectAllocation(options: DetectOptions): Promise<Allocation> {
  return withFirstNodes(await find(options), options.nodes);
}

/** The allocation with its first `nodes` only. @throws UnetError UNET_TOO_MANY_NODES; UNET_USAGE for more than there are. */
export function withFirstNodes<A extends Allocation>(allocation: A, nodes: number | undefined): A {
  const wanted = nodes ?? allocation.nodes.length;
  if (wanted > allocation.nodes.length) {
    throw new UnetError('UNET_USAGE', `--nodes ${wanted}: the allocation has ${allocation.nodes.length}`, {
      remedy: 'ask the scheduler for more nodes, or use fewer',
    });
  }
  // One /24 of the pod network 10.244.0.0/16 for each node (kubeadm-config.yaml of every release so far).
  if (wanted > 256) {
    throw new UnetError('UNET_TOO_MANY_NODES', `${wanted} nodes: Usernetes' pod network has room for 256`, {
      remedy: 'use --nodes 256 or fewer',
    });
  }
  return { ...allocation, nodes: allocation.nodes.slice(0, wanted) };
}

async function find(options: DetectOptions): Promise<Allocation> {
  const { kind, env } = options;
  if (kind === 'local') {
    return localAllocation(options.name, options.nodes ?? 1);
  }
  // Before Slurm: `srun flux start` makes an instance inside the job, and that is the nearest one.
  if (kind === 'flux' || (kind === 'auto' && env.FLUX_URI !== undefined)) {
    return await fluxAllocation(env, options.name, options.signal);
  }
  if (kind === 'slurm' || env.SLURM_JOB_ID !== undefined) {
    return await slurmAllocation(env, options.signal);
  }
  if (options.hasLocal === true) {
    return localAllocation(options.name, options.nodes ?? 1);
  }
  throw new UnetError(
    'UNET_NO_ALLOCATION',
    'this is not inside an allocation: neither SLURM_JOB_ID nor FLUX_URI is set, and no local cluster is up',
    {
      remedy:
        'run it in a script of sbatch or flux batch, under salloc or flux alloc, or on this machine alone with --allocation local or "unet rehearse"',
    },
  );
}
