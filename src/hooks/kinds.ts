/** The four scripts: whose, when, and where they are put. */
import { join } from 'node:path';
import type { Scheduler } from './allocation.ts';

export const WHEN = ['prolog', 'epilog'] as const;
export type When = (typeof WHEN)[number];

/** Where each scheduler looks by default: flux-config-job-manager(5) with flux-run-prolog, and slurm.conf(5)'s usual place. */
export const DEFAULT_DIRECTORIES: Record<Scheduler, string> = {
  flux: '/etc/flux/system',
  slurm: '/etc/slurm',
};

/** The path of a script. Flux runs all files of a directory, slurm.conf names each. */
export function hookPath(scheduler: Scheduler, when: When, directory: string): string {
  return scheduler === 'flux' ? join(directory, `${when}.d`, 'unet') : join(directory, `unet-${when}`);
}
