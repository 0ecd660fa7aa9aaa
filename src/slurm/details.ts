/** What the allocation of a Slurm job carries beside what every allocation has. */
import * as z from 'zod';
import type { Allocation } from '../scheduler/allocation.ts';

export const SlurmDetails = z.object({
  /** Of a heterogeneous job: the nodes of each component, by its offset. */
  components: z.array(z.array(z.string())),
});
export type SlurmDetails = z.infer<typeof SlurmDetails>;

/** A job, or one component of a heterogeneous one, as srun is told of it. */
export type SlurmJob = { id: string; group?: number | undefined };

/** `nodes` by the component of the job that they are in; one entry for a job that is not heterogeneous. */
export function nodesByComponent(
  id: string,
  components: readonly (readonly string[])[] | undefined,
  nodes: readonly string[],
): { job: SlurmJob; nodes: string[] }[] {
  if (components === undefined) {
    return [{ job: { id }, nodes: [...nodes] }];
  }
  const groupOf = (node: string) => components.findIndex((component) => component.includes(node));
  return components
    .map((_, group) => ({ job: { id, group }, nodes: nodes.filter((node) => groupOf(node) === group) }))
    .filter((component) => component.nodes.length > 0);
}

export function componentsOf({ details }: Pick<Allocation, 'details'>): string[][] | undefined {
  return details === undefined ? undefined : SlurmDetails.parse(details).components;
}
