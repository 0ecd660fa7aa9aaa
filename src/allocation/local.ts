/** This machine alone, as one or several nodes: for trying, for rehearsals, for a workstation. */
import type { Allocation } from './allocation.ts';

/** `count` nodes node-0 … on this host. Real Usernetes fits once on a host; the rehearsal release any number of times. */
export function localAllocation(name: string, count: number): Allocation {
  const nodes = Array.from({ length: count }, (_, index) => `node-${index}`);
  return { kind: 'local', jobId: `local-${name}`, nodes, self: 'node-0' };
}
