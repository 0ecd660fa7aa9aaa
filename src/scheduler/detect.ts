/** Which allocation this is: the one asked for, or the one that the environment shows. The only place that answers this. */
import { UnetError } from '../errors.ts';
import type { Allocation } from './allocation.ts';
import {
  allocationVariables,
  SCHEDULER_NAMES,
  type SchedulerName,
  scheduler,
  surroundingScheduler,
} from './registry.ts';

export type DetectOptions = {
  kind: 'auto' | SchedulerName;
  nodes?: number | undefined;
  name: string;
  env: NodeJS.ProcessEnv;
  signal?: AbortSignal | undefined;
  /** The scheduler to use outside of any allocation: its cluster of that name exists. */
  fallback?: SchedulerName | undefined;
};

/**
 * @throws UnetError UNET_NO_ALLOCATION, saying what was looked for; UNET_TOO_MANY_NODES; UNET_USAGE when more nodes
 *   are asked for than there are.
 */
export async function detectAllocation(options: DetectOptions): Promise<Allocation> {
  const { nodes, name, env, signal } = options;
  const kind = chosenScheduler(options) ?? options.fallback;
  if (kind === undefined) {
    throw noAllocation();
  }
  const allocation = await scheduler(kind).describe({ env, clusterName: name, nodes, signal });
  return withFirstNodes(allocation, nodes);
}

/** The scheduler that --allocation names, or the one that this process is in; undefined: none. */
export function chosenScheduler({
  kind,
  env,
}: Pick<DetectOptions, 'kind' | 'env'>): SchedulerName | undefined {
  return kind === 'auto' ? surroundingScheduler(env) : kind;
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

function noAllocation(): UnetError {
  const variables = allocationVariables().toReversed().join(' nor ');
  const ways = SCHEDULER_NAMES.map((name) => scheduler(name).howToGetOne);
  return new UnetError(
    'UNET_NO_ALLOCATION',
    `this is not inside an allocation: neither ${variables} is set, and no local cluster is up`,
    { remedy: `run it in ${ways.join('; or on ')}` },
  );
}
