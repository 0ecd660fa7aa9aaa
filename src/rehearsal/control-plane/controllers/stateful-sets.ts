/** The StatefulSet controller: pods with an ordinal, one after the other unless told otherwise. */
import { templateHash } from '../../api/defaults.ts';
import { at, type KubeObject } from '../../api/objects.ts';
import { isTerminal } from '../../api/pod-resources.ts';
import { resourceTypes } from '../../api/resource-types.ts';
import type { StoredObject } from '../../api/store.ts';
import type { ControllerContext } from '../controllers.ts';
import { createPod, deletePod, isActive, isPodReady, podsAmong } from './owned-pods.ts';
import { runReconciler } from './reconcile.ts';

const component = 'statefulset-controller';
const revisionLabel = 'controller-revision-hash';

export function runStatefulSets(context: ControllerContext): void {
  runReconciler(context, {
    type: resourceTypes.statefulSets,
    owned: [resourceTypes.pods],
    reconcile: (set, own) => reconcileSet(context, set, own),
  });
}

function reconcileSet(
  { store }: ControllerContext,
  set: KubeObject,
  own: readonly StoredObject[],
): undefined {
  if (set.metadata.deletionTimestamp !== undefined) return undefined;
  const pods = podsAmong(own);
  const wanted = Number(at(set, 'spec', 'replicas') ?? 1);
  const parallel = at(set, 'spec', 'podManagementPolicy') === 'Parallel';
  const revision = `${set.metadata.name}-${templateHash(at(set, 'spec', 'template'))}`;
  try {
    if (!removeOne(store, set, pods, wanted, revision, parallel)) {
      create(store, set, pods, wanted, revision, parallel);
    }
  } finally {
    writeStatus(store, set, wanted, revision);
  }
  return undefined;
}

/** Removes what is over, what failed and what has an old template, from the highest ordinal down. */
function removeOne(
  store: ControllerContext['store'],
  set: KubeObject,
  pods: readonly KubeObject[],
  wanted: number,
  revision: string,
  parallel: boolean,
): boolean {
  const ready = pods.filter(isPodReady).length;
  const due = pods
    .filter((pod) => pod.metadata.deletionTimestamp === undefined)
    .filter(
      (pod) =>
        ordinalOf(set, pod) >= wanted ||
        isTerminal(pod) ||
        (pod.metadata.labels?.[revisionLabel] !== revision && (ready >= wanted || !isPodReady(pod))),
    )
    .sort((a, b) => ordinalOf(set, b) - ordinalOf(set, a));
  const leaving = pods.some((pod) => pod.metadata.deletionTimestamp !== undefined);
  if (leaving && !parallel) return true;
  for (const pod of parallel ? due : due.slice(0, 1)) deletePod(store, set, pod, component);
  return due.length > 0;
}

function create(
  store: ControllerContext['store'],
  set: KubeObject,
  pods: readonly KubeObject[],
  wanted: number,
  revision: string,
  parallel: boolean,
): void {
  for (let ordinal = 0; ordinal < wanted; ordinal++) {
    const there = pods.find((pod) => ordinalOf(set, pod) === ordinal);
    if (there === undefined) {
      const name = `${set.metadata.name}-${ordinal}`;
      createPod(store, set, component, {
        name,
        hostname: name,
        labels: {
          'statefulset.kubernetes.io/pod-name': name,
          'apps.kubernetes.io/pod-index': String(ordinal),
          [revisionLabel]: revision,
        },
      });
    }
    if (!parallel && (there === undefined || !isPodReady(there))) return;
  }
}

function ordinalOf(set: KubeObject, pod: KubeObject): number {
  return Number(pod.metadata.name.slice(set.metadata.name.length + 1));
}

function writeStatus(
  store: ControllerContext['store'],
  set: KubeObject,
  wanted: number,
  revision: string,
): void {
  const pods = podsAmong(store.dependentsOf(set.metadata.uid)).filter(isActive);
  const ready = pods.filter(isPodReady).length;
  const updated = pods.filter((pod) => pod.metadata.labels?.[revisionLabel] === revision).length;
  store.modify(resourceTypes.statefulSets, set.metadata.name, set.metadata.namespace, (object) => {
    const before = at(object, 'status', 'currentRevision');
    object.status = {
      observedGeneration: object.metadata.generation,
      replicas: pods.length,
      readyReplicas: ready,
      availableReplicas: ready,
      currentReplicas: pods.length,
      updatedReplicas: updated,
      currentRevision: updated === wanted ? revision : (before ?? revision),
      updateRevision: revision,
      collisionCount: 0,
    };
  });
}
