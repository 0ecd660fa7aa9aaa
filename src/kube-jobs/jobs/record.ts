/**
 * A job's record: a config map with the list that was made, in the job's namespace. It is written before the first object and
 * removed after the last, so what has died between can be found and ended.
 */
import * as z from 'zod';
import { ClusterError } from '../../cluster/index.ts';
import { UnetError } from '../../errors.ts';
import type { Cluster } from '../cluster.ts';
import { isJsonObject, type KubeObject, type ObjectList, type ObjectReference } from '../object.ts';
import { JOB_LABEL } from './ownership.ts';

/** On records alone. */
export const RECORD_LABEL = 'unet/kube-record';
const CONFIG_MAP = { apiVersion: 'v1', kind: 'ConfigMap' } as const;
// etcd takes no object of more than 1.5 MiB, and a config map holds 1 MiB (Kubernetes documentation, "ConfigMaps").
const MAX_CHARS = 1_000_000;

const Stored = z.object({
  id: z.string(),
  template: z.string(),
  /** Of template and overrides: the same for each submission of one file. */
  digest: z.string(),
  phase: z.enum(['creating', 'created']),
  /** ISO 8601. */
  created: z.string(),
  /** Milliseconds. */
  durationMs: z.number().optional(),
  /** The scheduler's job, such as `flux fFRA1wV`. */
  job: z.string().optional(),
});

export type JobRecord = z.infer<typeof Stored> & { namespace: string; list: ObjectList };

export function recordName(id: string): string {
  return `unet-job-${id}`;
}

/** @throws ClusterError AlreadyExists where the job has one already */
export async function writeRecord(cluster: Cluster, record: JobRecord, signal: AbortSignal): Promise<void> {
  const { list, namespace, ...stored } = record;
  const text = JSON.stringify(withoutSecrets(list), null, 2);
  if (text.length > MAX_CHARS) {
    throw new UnetError(
      'UNET_TEMPLATE_INVALID',
      `the objects of ${record.template} are ${text.length} characters; a config map holds ${MAX_CHARS}`,
    );
  }
  const labels = { [JOB_LABEL]: record.id, [RECORD_LABEL]: 'true' };
  await cluster.create(
    {
      ...CONFIG_MAP,
      metadata: { name: recordName(record.id), namespace, labels },
      data: { job: JSON.stringify(stored), list: text },
    } as KubeObject,
    signal,
  );
}

/** All objects of the job are there. */
export async function markCreated(
  cluster: Cluster,
  record: JobRecord,
  signal: AbortSignal,
): Promise<JobRecord> {
  const created: JobRecord = { ...record, phase: 'created' };
  const { list, namespace, ...stored } = created;
  await cluster.patch(recordReference(record), { data: { job: JSON.stringify(stored) } }, signal);
  return created;
}

export async function readRecord(
  cluster: Cluster,
  id: string,
  namespace: string,
  signal: AbortSignal,
): Promise<JobRecord | undefined> {
  const map = await cluster.read(recordReference({ id, namespace }), signal);
  return map === undefined ? undefined : parse(map, namespace);
}

/** The records of `namespace`, or of all that may be read. */
export async function listRecords(
  cluster: Cluster,
  namespace: string | undefined,
  signal: AbortSignal,
): Promise<JobRecord[]> {
  try {
    const maps = await cluster.list(CONFIG_MAP, { namespace, labelSelector: RECORD_LABEL }, signal);
    return maps.flatMap((map) => parse(map, String(map.metadata.namespace)) ?? []);
  } catch (error) {
    if (ClusterError.isCluster(error, 'NotFound')) {
      return [];
    }
    throw error;
  }
}

export function recordReference({ id, namespace }: Pick<JobRecord, 'id' | 'namespace'>): ObjectReference {
  return { ...CONFIG_MAP, name: recordName(id), namespace };
}

/** Undefined: another's config map, or one that was edited beyond recognition. */
function parse({ data }: KubeObject, namespace: string): JobRecord | undefined {
  if (!isJsonObject(data)) {
    return undefined;
  }
  try {
    const stored = Stored.parse(JSON.parse(String(data.job)));
    return { ...stored, namespace, list: JSON.parse(String(data.list)) as ObjectList };
  } catch {
    return undefined;
  }
}

/** Config maps are read by more people than secrets. */
export function withoutSecrets(list: ObjectList): ObjectList {
  const items = list.items.map((item) =>
    item.kind === 'Secret' ? ({ ...item, data: {}, stringData: {} } as KubeObject) : item,
  );
  return { ...list, items };
}
