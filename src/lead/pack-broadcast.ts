/** The scheduler's own way to give a file to all nodes. */
import { basename, dirname, join } from 'node:path';
import type { Allocation } from '../allocation/allocation.ts';
import { UnetError } from '../errors.ts';
import { createArchive } from '../flux/archive.ts';
import { fluxEnvironment } from '../flux/flux.ts';
import { archivePrefix } from '../join/flux-archive.ts';
import { INCOMING, type PackRoute } from '../pack/routes.ts';
import { childEnvironment } from '../process/environment.ts';
import { sbcast } from '../slurm/sbcast.ts';
import type { Cluster } from './cluster.ts';
import type { NodeEntry } from './roster.ts';

export type Broadcast = Exclude<PackRoute, 'shared-fs'>;

/** The broadcast that this allocation has; undefined: none, or none that would reach just its nodes. */
export function broadcastOf(cluster: Cluster, present: readonly NodeEntry[]): Broadcast | undefined {
  const { allocation, settings } = cluster.options;
  if (allocation.flux !== undefined) {
    return allocation.flux.files === 'archive' ? 'flux-archive' : undefined;
  }
  const places = new Set(present.map(({ hello }) => hello?.nodeDir));
  const whole = settings.nodes === undefined && present.length === allocation.nodes.length;
  // To all nodes of the job, and to one path on all of them.
  const usable =
    allocation.schedulerJobId !== undefined && !cluster.spec.oneHost && whole && places.size === 1;
  return usable ? 'sbcast' : undefined;
}

/** Resolves with the name to tell the nodes. @throws UnetError */
export async function broadcastPack(
  how: Broadcast,
  file: string,
  { cluster, present, signal }: { cluster: Cluster; present: readonly NodeEntry[]; signal: AbortSignal },
): Promise<string | undefined> {
  const { allocation, env, settings } = cluster.options;
  const timeoutMs = settings.stepTimeouts.load;
  if (how === 'sbcast') {
    const [first] = present;
    const destination = join(first?.hello?.nodeDir ?? '', allocation.jobId, INCOMING);
    const slurm = { env: childEnvironment(env), timeoutMs, signal };
    await sbcast(allocation.schedulerJobId ?? '', file, destination, slurm);
    return undefined;
  }
  const name = archiveName(allocation, cluster.spec.pack?.id ?? '');
  const flux = { env: fluxEnvironment(env, allocation.flux?.uri), timeoutMs, signal };
  await createArchive({ ...flux, name }, dirname(file), basename(file)).catch((error: unknown) => {
    throw new UnetError('UNET_PACK_UNREACHABLE', UnetError.from(error).message, {
      cause: error,
      remedy: 'use --pack-via shared-fs',
    });
  });
  return name;
}

function archiveName({ jobId }: Allocation, id: string): string {
  return `${archivePrefix(jobId)}pack-${id.slice(0, 12)}`;
}
