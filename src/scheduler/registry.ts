/** Every scheduler, by the name that --allocation takes. The first whose variable is set is the one that a process is in. */
import { flux } from '../flux/scheduler.ts';
import { local } from '../local/scheduler.ts';
import { slurm } from '../slurm/scheduler.ts';
import type { Allocation } from './allocation.ts';
import { withoutScheduler } from './none.ts';
import type { Scheduler, SchedulerJob } from './scheduler.ts';

const SCHEDULERS = {
  // Before Slurm: `srun flux start` makes an instance inside the job, and that is the nearest one.
  flux,
  slurm,
  local,
} satisfies Record<string, Scheduler>;

export type SchedulerName = keyof typeof SCHEDULERS;
/** The one for a process outside of any allocation: this machine alone. */
export const OUTSIDE = 'local' satisfies SchedulerName;
export const SCHEDULER_NAMES = Object.keys(SCHEDULERS) as [SchedulerName, ...SchedulerName[]];

/** The one in which a process with this environment is; undefined: none. */
export function surroundingScheduler(env: NodeJS.ProcessEnv): SchedulerName | undefined {
  return SCHEDULER_NAMES.find((name) => {
    const { variable } = scheduler(name);
    return variable !== undefined && env[variable] !== undefined;
  });
}

/** The variables that show an allocation. */
export function allocationVariables(): string[] {
  return SCHEDULER_NAMES.flatMap((name) => scheduler(name).variable ?? []);
}

export function scheduler(name: SchedulerName): Scheduler {
  return SCHEDULERS[name];
}

/** Undefined for a name that this unet does not have. */
export function findScheduler(name: string): Scheduler | undefined {
  return SCHEDULER_NAMES.includes(name as SchedulerName) ? SCHEDULERS[name as SchedulerName] : undefined;
}

/** The allocation with what can be done in it; of a scheduler that this unet does not have: nothing. */
export function openAllocation(allocation: Allocation, env: NodeJS.ProcessEnv): SchedulerJob {
  return findScheduler(allocation.kind)?.open(allocation, env) ?? withoutScheduler(env);
}
