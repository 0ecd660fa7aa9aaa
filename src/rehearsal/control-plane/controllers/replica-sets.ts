/** The ReplicaSet controller: as many pods as asked for. */
import { at, type Fields, type KubeObject, timestamp } from '../../api/objects.ts';
import { resourceTypes } from '../../api/resource-types.ts';
import type { StoredObject } from '../../api/store.ts';
import type { ControllerContext } from '../controllers.ts';
import { condition, createPod, deletePod, isActive, isPodReady, podsAmong } from './owned-pods.ts';
import { runReconciler } from './reconcile.ts';

const component = 'replicaset-controller';

export function runReplicaSets(context: ControllerContext): void {
  runReconciler(context, {
    type: resourceTypes.replicaSets,
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
  const active = podsAmong(own).filter(isActive);
  const wanted = Number(at(set, 'spec', 'replicas') ?? 1);
  let failure: Error | undefined;
  try {
    for (let i = active.length; i < wanted; i++) createPod(store, set, component);
  } catch (error) {
    failure = error as Error;
  }
  // Those that are not ready yet are the smaller loss.
  const surplus = [...active].sort((a, b) => Number(isPodReady(a)) - Number(isPodReady(b)));
  for (const pod of surplus.slice(0, Math.max(0, active.length - wanted)))
    deletePod(store, set, pod, component);
  const pods = podsAmong(store.dependentsOf(set.metadata.uid)).filter(isActive);
  const ready = pods.filter(isPodReady).length;
  store.modify(resourceTypes.replicaSets, set.metadata.name, set.metadata.namespace, (object) => {
    const before = at(object, 'status', 'conditions');
    object.status = {
      replicas: pods.length,
      fullyLabeledReplicas: pods.length,
      readyReplicas: ready,
      availableReplicas: ready,
      observedGeneration: object.metadata.generation,
      ...(failure && {
        conditions: [
          condition((before ?? []) as Fields[], timestamp(), {
            type: 'ReplicaFailure',
            status: 'True',
            reason: 'FailedCreate',
            message: failure.message,
          }),
        ],
      }),
    };
  });
  if (failure !== undefined) throw failure;
  return undefined;
}
