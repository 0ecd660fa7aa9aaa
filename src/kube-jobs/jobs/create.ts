/** Making a job's objects: all of them, or none. */
import { setTimeout as sleep } from 'node:timers/promises';
import { ClusterError } from '../../cluster/index.ts';
import { UnetError } from '../../errors.ts';
import type { Cluster } from '../cluster.ts';
import { describeObject, type KubeObject } from '../object.ts';
import { ownerOf, referenceTo } from './ownership.ts';
import { type JobRecord, markCreated, writeRecord } from './record.ts';
import { removeJob } from './remove.ts';

/** A half that has to go is removed within this time, also after an interrupt. */
const UNDO_MS = 60_000;
// The API server publishes a new definition within seconds.
const SERVED_MS = 30_000;
const POLL_MS = 200;

export type CreateOptions = {
  onCreated?: (object: KubeObject) => void;
  signal: AbortSignal;
};

/**
 * Creates the record and then the objects of `record.list`, which ownedList has prepared. When one is refused, or `signal`
 * aborts, those that were made are removed.
 *
 * @throws UnetError UNET_KUBE_FOREIGN where objects are there already that are not this job's, before any is made;
 *   UNET_KUBE_NAMESPACE, UNET_KUBE_REFUSED with the object and the server's reason
 */
export async function createJob(
  cluster: Cluster,
  record: JobRecord,
  { onCreated = () => {}, signal }: CreateOptions,
): Promise<JobRecord> {
  await refuseForeign(cluster, record, signal);
  await writeRecord(cluster, record, signal).catch((error: unknown) => {
    throw refused(error, `the record of ${record.id}`, record.namespace);
  });
  try {
    for (const object of record.list.items) {
      onCreated(await createOne(cluster, object, record.namespace, signal));
    }
    return await markCreated(cluster, record, signal);
  } catch (error) {
    const undo = AbortSignal.timeout(UNDO_MS);
    const left = await removeJob(cluster, record, { signal: undo }).catch(() => undefined);
    const kept = left === undefined || left.remaining.length > 0;
    throw kept && UnetError.is(error)
      ? new UnetError(
          error.code,
          `${error.message}\nobjects created before the error could not all be removed`,
          {
            ...error.details,
            remedy: `"unet kube cancel ${record.id} -n ${record.namespace}" tries again`,
          },
        )
      : error;
  }
}

/** All that is in the way is named at once. */
async function refuseForeign(cluster: Cluster, record: JobRecord, signal: AbortSignal): Promise<void> {
  const found = await Promise.all(
    record.list.items.map(async (object) => ({
      object,
      there: await readIfAllowed(cluster, object, signal),
    })),
  );
  const foreign = found.flatMap(({ object, there }) =>
    there === undefined ? [] : [`${describeObject(object)}${ownedBy(there)}`],
  );
  if (foreign.length > 0) {
    const lines = [`objects with these names already exist in namespace ${record.namespace}`, ...foreign];
    throw new UnetError('UNET_KUBE_FOREIGN', lines.join('\n'), {
      fatal: true,
      remedy:
        'nothing was created; choose another name with a parameter, use generateName or another namespace, or cancel that job',
    });
  }
}

async function createOne(
  cluster: Cluster,
  object: KubeObject,
  namespace: string,
  signal: AbortSignal,
): Promise<KubeObject> {
  try {
    await untilServed(cluster, object, signal);
    return await cluster.create(object, signal);
  } catch (error) {
    throw refused(error, describeObject(object), object.metadata.namespace ?? namespace);
  }
}

/** A kind whose definition is in the same list is served a moment after that was made. */
async function untilServed(cluster: Cluster, object: KubeObject, signal: AbortSignal): Promise<void> {
  const deadline = performance.now() + SERVED_MS;
  while ((await cluster.isNamespaced(object, signal)) === undefined && performance.now() < deadline) {
    await sleep(POLL_MS, undefined, { signal });
  }
}

/** Some may create what they may not read; then the creation itself tells. */
async function readIfAllowed(
  cluster: Cluster,
  object: KubeObject,
  signal: AbortSignal,
): Promise<KubeObject | undefined> {
  try {
    return await cluster.read(referenceTo(object), signal);
  } catch (error) {
    if (ClusterError.isCluster(error, 'Forbidden')) {
      return undefined;
    }
    throw error;
  }
}

function ownedBy(object: KubeObject): string {
  const owner = ownerOf(object);
  return owner === undefined ? ', not unet’s' : `, of the job ${owner}`;
}

/** What the server's refusal means for a job. */
function refused(error: unknown, what: string, namespace: string): unknown {
  if (!ClusterError.isCluster(error)) {
    return error;
  }
  const said = error.message;
  if (error.reason === 'NotFound' && /namespaces? ".*" not found/.test(said)) {
    return new UnetError('UNET_KUBE_NAMESPACE', `there is no namespace ${namespace}`, {
      cause: error,
      fatal: true,
      remedy: `"kubectl create namespace ${namespace}" makes it; -n names another`,
    });
  }
  if (error.reason === 'AlreadyExists') {
    return new UnetError('UNET_KUBE_FOREIGN', `${what} was created by another client in the meantime`, {
      cause: error,
      fatal: true,
    });
  }
  if (!REFUSALS.includes(error.reason)) {
    return error;
  }
  return new UnetError('UNET_KUBE_REFUSED', `${what} was refused: ${said}`, {
    cause: error,
    remedy:
      'correct the template or its parameters, or ask for the permission or quota; nothing of the job is left',
  });
}

const REFUSALS: readonly string[] = [
  'Forbidden',
  'Invalid',
  'QuotaExceeded',
  'NotFound',
  'Conflict',
  'Unsupported',
];
