import type { Pack } from '../pack/reader.ts';
import type { JobSpec } from '../protocol/to-agents.ts';

/** What agents are told of a pack. */
export function packSpec({ path, id, manifest }: Pack): NonNullable<JobSpec['pack']> {
  const node = manifest.members.find(({ kind }) => kind === 'node-image');
  return { path, id, image: node?.images?.[0]?.names[0] };
}
