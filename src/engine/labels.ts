/** By which containers, volumes and networks of unet are known, whoever finds them. */
import { VERSION } from '../version.ts';
import { type Identity, projectName } from './identity.ts';

export const LABELS = {
  job: 'unet.job',
  node: 'unet.node',
  project: 'unet.project',
  version: 'unet.version',
} as const;

export type Labels = Record<string, string>;

export function labelsOf({ jobId, node }: Pick<Identity, 'jobId' | 'node'>): Labels {
  return {
    [LABELS.job]: jobId,
    [LABELS.node]: node,
    [LABELS.project]: projectName(jobId, node),
    [LABELS.version]: VERSION,
  };
}

/** The words that have an engine list what is of this node alone. One label: of two, podman takes volumes that have either. */
export function ownFilter({ jobId, node }: Pick<Identity, 'jobId' | 'node'>): string[] {
  return ['--filter', `label=${LABELS.project}=${projectName(jobId, node)}`];
}
