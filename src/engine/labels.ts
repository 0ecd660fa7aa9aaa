/** By which containers, volumes and networks of unet are known, whoever finds them. */
import { VERSION } from '../version.ts';
import type { Identity } from './identity.ts';

export const LABELS = { job: 'unet.job', node: 'unet.node', version: 'unet.version' } as const;

export type Labels = Record<string, string>;

export function labelsOf({ jobId, node }: Pick<Identity, 'jobId' | 'node'>): Labels {
  return { [LABELS.job]: jobId, [LABELS.node]: node, [LABELS.version]: VERSION };
}
