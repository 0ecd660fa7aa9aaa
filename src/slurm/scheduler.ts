/** Slurm, as src/scheduler describes it. */
import { childEnvironment } from '../process/environment.ts';
import type { Allocation } from '../scheduler/allocation.ts';
import { withoutScheduler } from '../scheduler/none.ts';
import { refusingLauncher } from '../scheduler/refusing-launcher.ts';
import type { Broadcast, Scheduler, SchedulerJob } from '../scheduler/scheduler.ts';
import { slurmAllocation } from './allocation.ts';
import { componentsOf, nodesByComponent } from './details.ts';
import { slurmHooks } from './hooks.ts';
import { srunLauncher } from './launcher.ts';
import { sbcast } from './sbcast.ts';
import { srunCommandArgv } from './srun.ts';

export const slurm: Scheduler = {
  howToGetOne: 'a script of sbatch, or a shell of salloc',
  variable: 'SLURM_JOB_ID',
  describe: ({ env, signal }) => slurmAllocation(env, signal),
  open,
  hooks: slurmHooks,
};

function open(allocation: Allocation, env: NodeJS.ProcessEnv): SchedulerJob {
  const { schedulerJobId, sharesHosts = false } = allocation;
  const none = withoutScheduler(env);
  if (schedulerJobId === undefined) {
    return { ...none, launcher: refusingLauncher('the allocation has no job id') };
  }
  const components = componentsOf(allocation);
  return {
    ...none,
    launcher: srunLauncher(schedulerJobId, components),
    onOneHost: sharesHosts,
    command: (node, argv, how) => {
      const [{ job } = { job: { id: schedulerJobId } }] = nodesByComponent(schedulerJobId, components, [
        node,
      ]);
      return srunCommandArgv(job, node, argv, how);
    },
    broadcast: sbcastOf(schedulerJobId, env),
  };
}

function sbcastOf(jobId: string, env: NodeJS.ProcessEnv): Broadcast {
  return {
    route: 'sbcast',
    stays: false,
    send: (file, { place }, options) =>
      sbcast(jobId, file, place, { env: childEnvironment(env), ...options }),
    fetch: () => Promise.reject(new TypeError('sbcast has laid the file there already')),
  };
}
