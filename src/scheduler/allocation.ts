/** An allocation as a plain value: its nodes, which of them this is, which one leads, when it ends. It travels between processes as JSON. */
import * as z from 'zod';

export const Allocation = z.object({
  /** The scheduler's name in the registry. */
  kind: z.string(),
  /**
   * Names everything that belongs to this cluster: directories, compose projects. Lowercase letters, digits and
   * dashes, at most 40 characters, unique for the user: `slurm-42`, `local-default`.
   */
  jobId: z.string(),
  /** The scheduler's own id, if it has given one. */
  schedulerJobId: z.string().optional(),
  /** Host names in the scheduler's order; the first one leads. */
  nodes: z.array(z.string()).readonly(),
  /** The node on which this process runs; undefined outside the allocation (a login node). */
  self: z.string().optional(),
  /** Milliseconds since the epoch; undefined: no limit, or none known. */
  endsAt: z.number().optional(),
  /** It is over: its scheduler starts nothing in it any more. */
  ended: z.boolean().optional(),
  /** Several of its nodes are on one host, so they cannot have the same ports. */
  sharesHosts: z.boolean().optional(),
  /** Prologs start its agents, which find their supervisor at the meeting place of this name. */
  attached: z.looseObject({ via: z.string() }).optional(),
  /** What the scheduler alone understands. */
  details: z.record(z.string(), z.unknown()).optional(),
});
export type Allocation = z.infer<typeof Allocation>;
