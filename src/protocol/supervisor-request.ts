/** What `unet up` hands to the supervisor that it starts. */
import * as z from 'zod';
import { ParsedSettings } from '../config/read-back.ts';
import { Allocation } from '../scheduler/allocation.ts';

export const SupervisorRequest = z.object({
  allocation: Allocation,
  settings: ParsedSettings,
  /** The job directory. */
  jobDir: z.string(),
  /** Version of unet. */
  unet: z.string(),
  /** Where the command was typed; relative paths are from there. */
  cwd: z.string(),
});
export type SupervisorRequest = z.infer<typeof SupervisorRequest>;
