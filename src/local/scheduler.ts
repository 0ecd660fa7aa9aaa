/** This machine alone, as one or several nodes: to try unet, for rehearsals, for a workstation. */
import type { Allocation } from '../scheduler/allocation.ts';
import { withoutScheduler } from '../scheduler/none.ts';
import type { Scheduler } from '../scheduler/scheduler.ts';
import { localLauncher } from './launcher.ts';

export const local: Scheduler = {
  howToGetOne: 'this machine alone, with --allocation local or "unet rehearse"',
  describe: async ({ clusterName, nodes = 1 }) => localAllocation(clusterName, nodes),
  open: (_, env) => ({
    ...withoutScheduler(env),
    launcher: localLauncher,
    onOneHost: true,
    madeUpNodes: true,
    // Every node is this machine.
    command: (_node, argv) => [...argv],
  }),
};

/** `count` nodes node-0 … on this host. Real Usernetes fits once on a host; the rehearsal release any number of times. */
export function localAllocation(name: string, count: number): Allocation {
  const nodes = Array.from({ length: count }, (_, index) => `node-${index}`);
  return { kind: 'local', jobId: `local-${name}`, nodes, self: 'node-0' };
}
