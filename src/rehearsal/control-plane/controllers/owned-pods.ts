/** What the controllers of Jobs, ReplicaSets and StatefulSets have in common: making pods from a template. */
import { withDefaults } from '../../api/defaults.ts';
import { requestDeletion } from '../../api/deletion.ts';
import { at, type Fields, type KubeObject, listAt, textAt } from '../../api/objects.ts';
import { admitByQuota } from '../../api/quota.ts';
import { resourceTypes } from '../../api/resource-types.ts';
import { StatusError } from '../../api/status-error.ts';
import { randomSuffix, type Store, type StoredObject } from '../../api/store.ts';
import { recordEvent } from './record-event.ts';

export type PodShape = {
  /** The whole name, or what a random suffix is added to. */
  name?: string;
  prefix?: string;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  env?: Fields[];
  hostname?: string;
};

/** Makes a pod of the owner's template. @throws StatusError 403 when a quota does not allow it; an event says so */
export function createPod(
  store: Store,
  owner: KubeObject,
  component: string,
  shape: PodShape = {},
): KubeObject {
  const template = at(owner, 'spec', 'template') as Fields;
  const name = shape.name ?? `${shape.prefix ?? owner.metadata.name}-${randomSuffix()}`;
  const spec = template.spec as Fields;
  const containers = listAt(spec, 'containers').map((container) => ({
    ...container,
    ...(shape.env && { env: [...listAt(container, 'env'), ...shape.env] }),
  }));
  const pod: KubeObject = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      ...(owner.metadata.namespace !== undefined && { namespace: owner.metadata.namespace }),
      labels: { ...(at(template, 'metadata', 'labels') as Record<string, string>), ...shape.labels },
      annotations: {
        ...(at(template, 'metadata', 'annotations') as Record<string, string>),
        ...shape.annotations,
      },
      ownerReferences: [ownerReference(owner)],
    },
    spec: { ...spec, containers, ...(shape.hostname !== undefined && { hostname: shape.hostname }) },
  };
  try {
    const complete = withDefaults(store, resourceTypes.pods, pod);
    admitByQuota(store, resourceTypes.pods, complete);
    const created = store.create(resourceTypes.pods, complete);
    recordEvent(store, owner, {
      type: 'Normal',
      reason: 'SuccessfulCreate',
      message: `Created pod: ${name}`,
      component,
    });
    return created;
  } catch (error) {
    if (error instanceof StatusError) {
      recordEvent(store, owner, {
        type: 'Warning',
        reason: 'FailedCreate',
        message: `Error creating: ${error.message}`,
        component,
      });
    }
    throw error;
  }
}

export function ownerReference(owner: KubeObject): Fields {
  return {
    apiVersion: owner.apiVersion,
    kind: owner.kind,
    name: owner.metadata.name,
    uid: owner.metadata.uid,
    controller: true,
    blockOwnerDeletion: true,
  };
}

export function podsAmong(own: readonly StoredObject[]): KubeObject[] {
  return own.filter(({ type }) => type === resourceTypes.pods).map(({ object }) => object);
}

/** Running or about to, and not on its way out. */
export function isActive(pod: KubeObject): boolean {
  const phase = textAt(pod, 'status', 'phase');
  return pod.metadata.deletionTimestamp === undefined && phase !== 'Succeeded' && phase !== 'Failed';
}

export function isPodReady(pod: KubeObject): boolean {
  return listAt(pod, 'status', 'conditions').some(
    ({ type, status }) => type === 'Ready' && status === 'True',
  );
}

export function deletePod(store: Store, owner: KubeObject, pod: KubeObject, component: string): void {
  requestDeletion(store, resourceTypes.pods, pod);
  recordEvent(store, owner, {
    type: 'Normal',
    reason: 'SuccessfulDelete',
    message: `Deleted pod: ${pod.metadata.name}`,
    component,
  });
}

/** A condition as controllers write it; its time stays while its status does. */
export function condition(
  before: readonly Fields[],
  now: string,
  {
    type,
    status,
    reason,
    message,
  }: { type: string; status: 'True' | 'False'; reason: string; message: string },
): Fields {
  const same = before.find((each) => each.type === type && each.status === status && each.reason === reason);
  return { type, status, reason, message, lastTransitionTime: same?.lastTransitionTime ?? now };
}
