/** Removing what a job has made, and nothing else. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Cluster } from '../cluster.ts';
import type { KubeObject, ObjectReference } from '../object.ts';
import { JOB_LABEL, ownerOf, referenceTo } from './ownership.ts';
import { type JobRecord, recordReference } from './record.ts';

export type Removal = ObjectReference & { what: 'removed' | 'not found' | 'not ours' | 'remaining' };

export type RemoveOptions = {
  onObject?: (removal: Removal) => void;
  signal: AbortSignal;
  /** Milliseconds to wait until they, and their pods, are really gone; 0 leaves the rest to the cluster. */
  waitMs?: number;
};

const WAIT_MS = 60_000;
const POLL_MS = 200;
const MAX_POLL_MS = 2000;

/**
 * Deletes the objects of the job's list in the reverse of the order in which they were made: a custom resource before the
 * controller that has to finish it, pods before the accounts and secrets that they use. What is not there is fine; an object
 * of the same name without the job's label stays. Then waits until they are gone, and removes the record.
 */
export async function removeJob(
  cluster: Cluster,
  record: JobRecord,
  { onObject = () => {}, signal, waitMs = WAIT_MS }: RemoveOptions,
): Promise<{ remaining: ObjectReference[] }> {
  const deleted: ObjectReference[] = [];
  for (const object of [...record.list.items].reverse()) {
    const reference = referenceTo(object);
    const there = await cluster.read(reference, signal);
    if (there === undefined || ownerOf(there) !== record.id) {
      onObject({ ...reference, what: there === undefined ? 'not found' : 'not ours' });
      continue;
    }
    const removed = await cluster.remove(reference, String(there.metadata.uid), signal);
    deleted.push(reference);
    onObject({ ...reference, what: removed ? 'removed' : 'not found' });
  }
  const remaining = waitMs === 0 ? [] : await waitUntilGone(cluster, record, deleted, waitMs, signal);
  remaining.forEach((reference) => void onObject({ ...reference, what: 'remaining' }));
  if (remaining.length === 0) {
    await removeRecord(cluster, record, signal);
  }
  return { remaining };
}

async function removeRecord(cluster: Cluster, record: JobRecord, signal: AbortSignal): Promise<void> {
  const reference = recordReference(record);
  const there = await cluster.read(reference, signal);
  if (there !== undefined && ownerOf(there) === record.id) {
    await cluster.remove(reference, String(there.metadata.uid), signal);
  }
}

/** Deleting is asynchronous: finalizers, pods that end by and by. */
async function waitUntilGone(
  cluster: Cluster,
  record: JobRecord,
  deleted: readonly ObjectReference[],
  waitMs: number,
  signal: AbortSignal,
): Promise<ObjectReference[]> {
  const deadline = performance.now() + waitMs;
  let left = [...deleted];
  for (let pollMs = POLL_MS; ; pollMs = Math.min(2 * pollMs, MAX_POLL_MS)) {
    const there = await Promise.all(
      left.map(async (reference) => {
        const object = await cluster.read(reference, signal);
        return object !== undefined && ownerOf(object) === record.id;
      }),
    );
    left = left.filter((_, index) => there[index]);
    const pods = left.length > 0 ? [] : await podsOf(cluster, record, signal);
    if (left.length === 0 && pods.length === 0) {
      return [];
    }
    // What a controller has made is removed with it, unless somebody has orphaned it.
    for (const pod of pods.filter(({ metadata }) => metadata.deletionTimestamp === undefined)) {
      await cluster.remove(referenceTo(pod), String(pod.metadata.uid), signal);
    }
    if (performance.now() > deadline) {
      return left.length > 0 ? left : pods.map(referenceTo);
    }
    await sleep(pollMs, undefined, { signal });
  }
}

async function podsOf(
  cluster: Cluster,
  { id, list, namespace }: JobRecord,
  signal: AbortSignal,
): Promise<KubeObject[]> {
  const places = new Set([namespace, ...list.items.flatMap(({ metadata }) => metadata.namespace ?? [])]);
  const pods = await Promise.all(
    [...places].map((place) =>
      cluster.list(
        { apiVersion: 'v1', kind: 'Pod' },
        { namespace: place, labelSelector: `${JOB_LABEL}=${id}` },
        signal,
      ),
    ),
  );
  return pods.flat();
}
