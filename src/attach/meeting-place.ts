/** Where the agents of an allocation meet their supervisor. */
import { jobPaths } from '../job/layout.ts';
import type { Allocation } from '../scheduler/allocation.ts';
import { findScheduler } from '../scheduler/registry.ts';
import type { MeetingPlace } from './meeting-point.ts';
import { sharedFsPlace } from './shared-fs.ts';

/** Undefined for an allocation whose agents are started by a launcher. */
export function meetingPlace(
  allocation: Allocation,
  jobDir: string,
  env: NodeJS.ProcessEnv,
): MeetingPlace | undefined {
  if (allocation.attached === undefined) {
    return undefined;
  }
  const { meetingPlace: own } = findScheduler(allocation.kind)?.hooks ?? {};
  return own?.(allocation, env) ?? sharedFsPlace(jobPaths(jobDir).directory, allocation.jobId);
}
