/** The allocation as the agent of one node sees it. */
import type { JobSpec } from '../protocol/to-agents.ts';
import { openAllocation } from '../scheduler/registry.ts';
import type { SchedulerJob } from '../scheduler/scheduler.ts';

export function openScheduler(
  { jobId, nodes, oneHost, scheduler }: JobSpec,
  node: string,
  env: NodeJS.ProcessEnv,
): SchedulerJob {
  return openAllocation({ ...scheduler, jobId, nodes, self: node, sharesHosts: oneHost }, env);
}
