/** The Deployment controller: a ReplicaSet for each template; the new one grows before the old ones go. */
import { templateHash } from '../../api/defaults.ts';
import { requestDeletion } from '../../api/deletion.ts';
import { at, type Fields, type KubeObject, listAt, textAt, timestamp } from '../../api/objects.ts';
import { resourceTypes } from '../../api/resource-types.ts';
import type { StoredObject } from '../../api/store.ts';
import type { ControllerContext } from '../controllers.ts';
import { condition, ownerReference } from './owned-pods.ts';
import { runReconciler } from './reconcile.ts';
import { recordEvent } from './record-event.ts';

const component = 'deployment-controller';
const hashLabel = 'pod-template-hash';
const revisionAnnotation = 'deployment.kubernetes.io/revision';

export function runDeployments(context: ControllerContext): void {
  runReconciler(context, {
    type: resourceTypes.deployments,
    owned: [resourceTypes.replicaSets],
    reconcile: (deployment, own) => reconcileDeployment(context, deployment, own),
  });
}

function reconcileDeployment(
  context: ControllerContext,
  deployment: KubeObject,
  own: readonly StoredObject[],
): undefined {
  const paused = at(deployment, 'spec', 'paused') === true;
  // CoreDNS is a stand-in of its own, whose pods have no owner.
  if (deployment.metadata.deletionTimestamp !== undefined || isCoreDns(deployment)) return undefined;
  const sets = own.filter(({ type }) => type === resourceTypes.replicaSets).map(({ object }) => object);
  const hash = templateHash(at(deployment, 'spec', 'template'));
  const current = sets.find((set) => set.metadata.labels?.[hashLabel] === hash);
  const wanted = Number(at(deployment, 'spec', 'replicas') ?? 1);
  const old = sets.filter((set) => set !== current);
  const recreate = at(deployment, 'spec', 'strategy', 'type') === 'Recreate';
  const oldGone = old.every(
    (set) => count(set, 'replicas') === 0 && Number(at(set, 'spec', 'replicas')) === 0,
  );
  let fresh = current;
  if (current === undefined && !paused && (!recreate || oldGone)) {
    fresh = createSet(context, deployment, hash, wanted, sets.length + 1);
  } else if (current !== undefined && !paused) fresh = scaleSet(context, deployment, current, wanted);
  const available = fresh === undefined ? 0 : count(fresh, 'availableReplicas');
  for (const set of old) {
    const target =
      recreate || available >= wanted ? 0 : Math.min(count(set, 'replicas'), Math.max(0, wanted - available));
    scaleSet(context, deployment, set, target);
  }
  pruneHistory(context, deployment, old);
  writeStatus(context, deployment);
  return undefined;
}

function isCoreDns({ metadata }: KubeObject): boolean {
  return metadata.namespace === 'kube-system' && metadata.name === 'coredns';
}

function createSet(
  { store }: ControllerContext,
  deployment: KubeObject,
  hash: string,
  replicas: number,
  revision: number,
): KubeObject {
  const { name, namespace } = deployment.metadata;
  const template = at(deployment, 'spec', 'template') as Fields;
  const selector = (at(deployment, 'spec', 'selector') ?? {}) as Fields;
  const labels = { ...(at(template, 'metadata', 'labels') as Record<string, string>), [hashLabel]: hash };
  const set = store.create(resourceTypes.replicaSets, {
    metadata: {
      name: `${name}-${hash}`,
      ...(namespace !== undefined && { namespace }),
      labels,
      annotations: { [revisionAnnotation]: String(revision) },
      ownerReferences: [ownerReference(deployment)],
    },
    spec: {
      replicas,
      selector: { ...selector, matchLabels: { ...(selector.matchLabels as Fields), [hashLabel]: hash } },
      template: { ...template, metadata: { ...(template.metadata as Fields), labels } },
    },
    status: { replicas: 0 },
  });
  store.modify(resourceTypes.deployments, name, namespace, ({ metadata }) => {
    metadata.annotations = { ...metadata.annotations, [revisionAnnotation]: String(revision) };
  });
  say(store, deployment, `Scaled up replica set ${set.metadata.name} from 0 to ${replicas}`);
  return set;
}

function scaleSet(
  { store }: ControllerContext,
  deployment: KubeObject,
  set: KubeObject,
  replicas: number,
): KubeObject {
  const before = Number(at(set, 'spec', 'replicas') ?? 0);
  if (before === replicas) return set;
  const direction = replicas > before ? 'up' : 'down';
  say(
    store,
    deployment,
    `Scaled ${direction} replica set ${set.metadata.name} from ${before} to ${replicas}`,
  );
  return store.modify(resourceTypes.replicaSets, set.metadata.name, set.metadata.namespace, (object) => {
    object.spec = { ...(object.spec as Fields), replicas };
  });
}

function say(store: ControllerContext['store'], deployment: KubeObject, message: string): void {
  recordEvent(store, deployment, { type: 'Normal', reason: 'ScalingReplicaSet', message, component });
}

function pruneHistory(
  { store }: ControllerContext,
  deployment: KubeObject,
  old: readonly KubeObject[],
): void {
  const limit = Number(at(deployment, 'spec', 'revisionHistoryLimit') ?? 10);
  const empty = old.filter(
    (set) => Number(at(set, 'spec', 'replicas')) === 0 && count(set, 'replicas') === 0,
  );
  for (const set of empty.slice(0, Math.max(0, empty.length - limit))) {
    requestDeletion(store, resourceTypes.replicaSets, set);
  }
}

function writeStatus({ store }: ControllerContext, { metadata }: KubeObject): void {
  const { name, namespace, uid } = metadata;
  const sets = store.dependentsOf(uid).map(({ object }) => object);
  store.modify(resourceTypes.deployments, name, namespace, (object) => {
    const hash = templateHash(at(object, 'spec', 'template'));
    const current = sets.filter((set) => set.metadata.labels?.[hashLabel] === hash);
    const sum = (which: readonly KubeObject[], field: string) =>
      which.reduce((total, set) => total + count(set, field), 0);
    const wanted = Number(at(object, 'spec', 'replicas') ?? 1);
    const available = sum(sets, 'availableReplicas');
    const updated = sum(current, 'replicas');
    const now = timestamp();
    const before = listAt(object, 'status', 'conditions');
    const enough = available >= wanted - Math.floor(wanted / 4);
    const complete = updated === wanted && available === wanted && sum(sets, 'replicas') === wanted;
    const failure = sets
      .flatMap((set) => listAt(set, 'status', 'conditions'))
      .find(({ type }) => type === 'ReplicaFailure');
    object.status = {
      observedGeneration: object.metadata.generation,
      replicas: sum(sets, 'replicas'),
      updatedReplicas: updated,
      readyReplicas: sum(sets, 'readyReplicas'),
      availableReplicas: available,
      unavailableReplicas: Math.max(0, wanted - available),
      conditions: [
        condition(before, now, {
          type: 'Available',
          status: enough ? 'True' : 'False',
          reason: enough ? 'MinimumReplicasAvailable' : 'MinimumReplicasUnavailable',
          message: enough
            ? 'Deployment has minimum availability.'
            : 'Deployment does not have minimum availability.',
        }),
        condition(before, now, {
          type: 'Progressing',
          status: 'True',
          reason: complete ? 'NewReplicaSetAvailable' : 'ReplicaSetUpdated',
          message: `ReplicaSet "${current[0]?.metadata.name ?? ''}" ${complete ? 'has successfully progressed' : 'is progressing'}.`,
        }),
        ...(failure
          ? [
              condition(before, now, {
                type: 'ReplicaFailure',
                status: 'True',
                reason: textAt(failure, 'reason'),
                message: textAt(failure, 'message'),
              }),
            ]
          : []),
      ],
    };
  });
}

function count(set: KubeObject, field: string): number {
  return Number(at(set, 'status', field) ?? 0);
}
