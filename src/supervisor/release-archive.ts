/** The packed release as a broadcast that nodes fetch by its name, where they do not see the job directory. */
import type { Settings } from '../config/schema.ts';
import { broadcastName } from '../scheduler/broadcast-name.ts';
import type { SchedulerJob } from '../scheduler/scheduler.ts';

/** Broadcasts a file, and resolves with its name. */
export type ReleaseArchiver = (file: string, sha256: string) => Promise<string>;

/** Undefined where the scheduler has no broadcast that stays. The lead's agent removes it at its end. */
export function releaseArchiver(
  { broadcast }: SchedulerJob,
  jobId: string,
  { timeoutMs }: { timeoutMs: number },
): ReleaseArchiver | undefined {
  if (broadcast?.stays !== true) {
    return undefined;
  }
  return async (file, sha256) => {
    const name = broadcastName(jobId, 'release', sha256);
    await broadcast.send(file, { name, place: '' }, { timeoutMs });
    return name;
  };
}

/** @throws UnetError UNET_CONFIG_INVALID or UNET_FLUX_TOO_OLD when `stage` demands an archive and there is none to be had. */
export function refuseStage({ broadcast, whyNoArchive }: SchedulerJob, stage: Settings['stage']): void {
  if (stage === 'archive' && broadcast?.stays !== true) {
    throw whyNoArchive('--stage archive', 'leave --stage at auto', 'files');
  }
}
