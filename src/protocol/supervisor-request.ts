/** What `unet up` hands to the supervisor that it starts. */

import type { Settings } from '../config/schema.ts';
import type { Allocation } from '../scheduler/allocation.ts';

export type SupervisorRequest = {
  allocation: Allocation;
  settings: Settings;
  /** The job directory. */
  jobDir: string;
  /** Version of unet. */
  unet: string;
  /** Where the command was typed; relative paths are from there. */
  cwd: string;
};
