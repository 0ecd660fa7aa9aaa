/** Deleting: at once, after a pod's grace period, or when the finalizers have gone. */
import { at, type Fields, isFields, type KubeObject, textAt, timestamp } from './objects.ts';
import { isTerminal } from './pod-resources.ts';
import { type ResourceType, resourceTypes } from './resource-types.ts';
import { badRequest, conflict, StatusError } from './status-error.ts';
import type { Store } from './store.ts';

export const foregroundFinalizer = 'foregroundDeletion';
export const orphanFinalizer = 'orphan';

/** What becomes of the objects that name the deleted one as their owner. */
export type Propagation = 'Background' | 'Foreground' | 'Orphan';

export type DeleteOptions = {
  propagation?: Propagation;
  /** Seconds; only pods have a grace period. */
  graceSeconds?: number;
  uid?: string;
  resourceVersion?: string;
};

/** Reads the options from the body, or from the query where the body has none. @throws StatusError 400 */
export function deleteOptions(body: unknown, query: URLSearchParams): DeleteOptions {
  const given: Fields = isFields(body) ? body : {};
  const policy = given.propagationPolicy ?? query.get('propagationPolicy') ?? undefined;
  if (policy !== undefined && !['Background', 'Foreground', 'Orphan'].includes(String(policy))) {
    throw badRequest(`propagationPolicy: Unsupported value: "${policy}"`);
  }
  const orphan = given.orphanDependents ?? query.get('orphanDependents') ?? undefined;
  const grace = given.gracePeriodSeconds ?? query.get('gracePeriodSeconds') ?? undefined;
  const uid = textAt(given, 'preconditions', 'uid');
  const resourceVersion = textAt(given, 'preconditions', 'resourceVersion');
  return {
    ...(policy !== undefined && { propagation: policy as Propagation }),
    ...(policy === undefined && String(orphan) === 'true' && { propagation: 'Orphan' as const }),
    ...(grace !== undefined && { graceSeconds: Number(grace) }),
    ...(uid !== '' && { uid }),
    ...(resourceVersion !== '' && { resourceVersion }),
  };
}

/**
 * Deletes the object, or marks it as being deleted.
 *
 * @returns the object while something still holds it; undefined when it is gone
 * @throws StatusError 403 for a namespace of the system, 409 when a precondition does not hold
 */
export function requestDeletion(
  store: Store,
  type: ResourceType,
  object: KubeObject,
  options: DeleteOptions = {},
): KubeObject | undefined {
  const { name, namespace, uid, resourceVersion } = object.metadata;
  if (options.uid !== undefined && options.uid !== uid) throw conflict(type, name);
  if (options.resourceVersion !== undefined && options.resourceVersion !== resourceVersion)
    throw conflict(type, name);
  if (type === resourceTypes.namespaces) refuseSystemNamespace(name);
  const finalizers = withPropagation(object.metadata.finalizers ?? [], propagationOf(type, options));
  const held = finalizers.length > 0 || holdsContent(type, object);
  const graceSeconds = type === resourceTypes.pods ? podGrace(object, options.graceSeconds) : 0;
  if (!held && graceSeconds === 0) {
    store.delete(type, name, namespace);
    return undefined;
  }
  const before = object.metadata.deletionGracePeriodSeconds;
  if (object.metadata.deletionTimestamp !== undefined && (before ?? 0) <= graceSeconds) {
    return store.modify(type, name, namespace, ({ metadata }) => {
      if (finalizers.length > 0) metadata.finalizers = finalizers;
    });
  }
  return store.modify(type, name, namespace, (marked) => {
    marked.metadata.deletionTimestamp = timestamp(new Date(Date.now() + graceSeconds * 1000));
    marked.metadata.deletionGracePeriodSeconds = graceSeconds;
    if (finalizers.length > 0) marked.metadata.finalizers = finalizers;
    if (type === resourceTypes.namespaces)
      marked.status = { ...(marked.status as Fields), phase: 'Terminating' };
  });
}

/** For compatibility with the first batch API, a Job's pods stay unless the caller says otherwise. */
function propagationOf(type: ResourceType, { propagation }: DeleteOptions): Propagation {
  return propagation ?? (type === resourceTypes.jobs ? 'Orphan' : 'Background');
}

function withPropagation(finalizers: readonly string[], propagation: Propagation): string[] {
  const others = finalizers.filter((each) => each !== foregroundFinalizer && each !== orphanFinalizer);
  if (propagation === 'Foreground') return [...others, foregroundFinalizer];
  return propagation === 'Orphan' ? [...others, orphanFinalizer] : others;
}

function holdsContent(type: ResourceType, object: KubeObject): boolean {
  const finalizers = at(object, 'spec', 'finalizers');
  return type === resourceTypes.namespaces && Array.isArray(finalizers) && finalizers.length > 0;
}

/** A pod that no kubelet has taken, or that is over, needs no grace. */
function podGrace(pod: KubeObject, asked: number | undefined): number {
  if (textAt(pod, 'spec', 'nodeName') === '' || isTerminal(pod)) return 0;
  return asked ?? Number(at(pod, 'spec', 'terminationGracePeriodSeconds') ?? 30);
}

function refuseSystemNamespace(name: string): void {
  if (!['default', 'kube-system', 'kube-public', 'kube-node-lease'].includes(name)) return;
  throw new StatusError(
    403,
    'Forbidden',
    `namespaces "${name}" is forbidden: this namespace may not be deleted`,
  );
}
