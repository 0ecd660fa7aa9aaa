/** The subresources that are objects of their own: scale, binding, eviction, a service account's token. */
import { randomBytes } from 'node:crypto';
import { requestDeletion } from './deletion.ts';
import { at, type Fields, isFields, type KubeObject, textAt, timestamp } from './objects.ts';
import type { ResourceType, ScalePaths } from './resource-types.ts';
import { resourceTypes } from './resource-types.ts';
import { badRequest, conflict, invalid } from './status-error.ts';
import type { Store } from './store.ts';

/** The Scale of an object. */
export function scaleOf(object: KubeObject, paths: ScalePaths): Fields {
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata;
  const selector = at(object, ...segments(paths.selector));
  return {
    kind: 'Scale',
    apiVersion: 'autoscaling/v1',
    metadata: { name, namespace, uid, resourceVersion, creationTimestamp },
    spec: { replicas: Number(at(object, ...segments(paths.replicas)) ?? 0) },
    status: {
      replicas: Number(at(object, ...segments(paths.statusReplicas)) ?? 0),
      selector: typeof selector === 'string' ? selector : selectorText(selector),
    },
  };
}

/** The object with the number that a Scale asks for. @throws StatusError 409, 422 */
export function withScale(
  type: ResourceType,
  object: KubeObject,
  scale: Fields,
  paths: ScalePaths,
): KubeObject {
  const version = textAt(scale, 'metadata', 'resourceVersion');
  if (version !== '' && version !== object.metadata.resourceVersion)
    throw conflict(type, object.metadata.name);
  const replicas = Number(at(scale, 'spec', 'replicas') ?? 0);
  if (!Number.isInteger(replicas) || replicas < 0) {
    throw invalid(
      'Scale',
      object.metadata.name,
      `spec.replicas: Invalid value: ${replicas}: must be greater than or equal to 0`,
    );
  }
  const next = structuredClone(object);
  const keys = segments(paths.replicas);
  const last = keys.pop() ?? '';
  let inner: Fields = next;
  for (const key of keys) {
    if (!isFields(inner[key])) inner[key] = {};
    inner = inner[key] as Fields;
  }
  inner[last] = replicas;
  return next;
}

/** pods/NAME/binding: the scheduler's choice, by hand. */
export function bind(store: Store, pod: KubeObject, binding: unknown): Fields {
  const node = textAt(binding, 'target', 'name');
  if (node === '') throw badRequest('target.name: Required value');
  store.modify(resourceTypes.pods, pod.metadata.name, pod.metadata.namespace, (object) => {
    object.spec = { ...(object.spec as Fields), nodeName: node };
  });
  return success();
}

export function evict(store: Store, pod: KubeObject): Fields {
  requestDeletion(store, resourceTypes.pods, pod);
  return success();
}

/** What a token is for: the service account, until when. Secrets of the process alone, never in the store. */
export type IssuedToken = { namespace: string; name: string; uid: string; expiresAt: number };

/** Makes a bearer token of a service account; `kubectl create token`. */
export function issueToken(tokens: Map<string, IssuedToken>, account: KubeObject, request: unknown): Fields {
  const seconds = Number(at(request, 'spec', 'expirationSeconds') ?? 3600);
  const { name, namespace = '', uid = '' } = account.metadata;
  const part = (value: Fields) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const expiresAt = Date.now() + seconds * 1000;
  const subject = `system:serviceaccount:${namespace}:${name}`;
  // The form of a JWT, which clients recognise; what counts is that it is known here.
  const token = `${part({ alg: 'RS256' })}.${part({ sub: subject, exp: Math.floor(expiresAt / 1000) })}.${randomBytes(32).toString('base64url')}`;
  tokens.set(token, { namespace, name, uid, expiresAt });
  return {
    kind: 'TokenRequest',
    apiVersion: 'authentication.k8s.io/v1',
    metadata: { name, namespace, creationTimestamp: timestamp() },
    spec: { expirationSeconds: seconds },
    status: { token, expirationTimestamp: timestamp(new Date(expiresAt)) },
  };
}

function success(): Fields {
  return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 };
}

function segments(path: string): string[] {
  return path.split('.').filter(Boolean);
}

function selectorText(selector: unknown): string {
  const labels = at(selector, 'matchLabels');
  return isFields(labels)
    ? Object.entries(labels)
        .map(([key, value]) => `${key}=${value}`)
        .join(',')
    : '';
}
