/** What the allocation of a Flux instance carries beside what every allocation has. */
import * as z from 'zod';
import type { Allocation } from '../scheduler/allocation.ts';

export const FluxDetails = z.object({
  /** Of the broker: its own socket where that is on this host, else what FLUX_URI says. */
  uri: z.string(),
  /** Of the broker on this host; undefined where that is on another one, as through flux proxy. */
  rank: z.number().optional(),
  version: z.string().optional(),
  /** How the instance gives files to all ranks; undefined: it is too old. */
  files: z.enum(['archive', 'filemap']).optional(),
  /** The job that this instance is, and where the instance is that runs it. */
  enclosing: z.object({ uri: z.string(), jobId: z.string() }).optional(),
});
export type FluxDetails = z.infer<typeof FluxDetails>;

/** Undefined for a job of Flux that is no instance of its own: a prolog has made its cluster. */
export function fluxDetails({ details }: Pick<Allocation, 'details'>): FluxDetails | undefined {
  return details === undefined ? undefined : FluxDetails.parse(details);
}
