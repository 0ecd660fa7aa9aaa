/** The scheduler's own way to give the pack to all nodes. */
import { join } from 'node:path';
import { UnetError } from '../errors.ts';
import { INCOMING } from '../pack/routes.ts';
import { broadcastName } from '../scheduler/broadcast-name.ts';
import type { Broadcast, SchedulerJob } from '../scheduler/scheduler.ts';
import type { Cluster, SupervisorOptions } from './cluster.ts';
import type { NodeEntry } from './roster.ts';

/** What the delivery of a pack needs of the cluster. */
export type PackCluster = Pick<Cluster, 'roster' | 'spec' | 'send' | 'emit' | 'fail' | 'giveUp'> & {
  options: Pick<SupervisorOptions, 'settings' | 'allocation'>;
  scheduler: Pick<SchedulerJob, 'broadcast'>;
};

/** The broadcast that this allocation has; undefined: none, or none that would reach just its nodes. */
export function broadcastOf(
  { options: { allocation, settings }, scheduler: { broadcast }, spec }: PackCluster,
  present: readonly NodeEntry[],
): Broadcast | undefined {
  if (broadcast === undefined || broadcast.stays) {
    return broadcast;
  }
  // It goes to all nodes of the job, and to one path on all of them.
  const places = new Set(present.map(({ hello }) => hello?.nodeDir));
  const whole = settings.nodes === undefined && present.length === allocation.nodes.length;
  return !spec.oneHost && whole && places.size === 1 ? broadcast : undefined;
}

/** Resolves with the name under which nodes fetch it, if they do. @throws UnetError UNET_PACK_UNREACHABLE */
export async function broadcastPack(
  broadcast: Broadcast,
  file: string,
  { cluster, present, signal }: { cluster: PackCluster; present: readonly NodeEntry[]; signal: AbortSignal },
): Promise<string | undefined> {
  const { jobId } = cluster.options.allocation;
  const name = broadcastName(jobId, 'pack', cluster.spec.pack?.id ?? '');
  const place = join(present[0]?.hello?.nodeDir ?? '', jobId, INCOMING);
  const options = { timeoutMs: cluster.options.settings.stepTimeouts.load, signal };
  await broadcast.send(file, { name, place }, options).catch((error: unknown) => {
    const { message, details } = UnetError.from(error);
    throw new UnetError('UNET_PACK_UNREACHABLE', message, {
      ...details,
      cause: error,
      remedy: 'use --pack-via shared-fs',
    });
  });
  return broadcast.stays ? name : undefined;
}
