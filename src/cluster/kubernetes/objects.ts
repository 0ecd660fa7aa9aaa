/** Any object of any kind, as plain JSON: what a program does with `kubectl get`, `create`, `apply`, `patch`, `delete` and `--watch`. */

import { orNull } from '../errors.ts';
import type { HttpClient, Query } from '../http.ts';
import { createDiscovery, type Discovery, type Resource } from './discovery.ts';
import { type WatchEvent, type WatchOptions, watchResource } from './watch.ts';

export type Metadata = {
  name: string;
  namespace?: string;
  uid?: string;
  resourceVersion?: string;
  generation?: number;
  creationTimestamp?: string;
  deletionTimestamp?: string;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  ownerReferences?: OwnerReference[];
  finalizers?: string[];
};

export type OwnerReference = {
  apiVersion: string;
  kind: string;
  name: string;
  uid: string;
  controller?: boolean;
  blockOwnerDeletion?: boolean;
};

/** An object as the API has it. */
export type KubernetesObject = {
  apiVersion: string;
  kind: string;
  metadata: Metadata;
  [field: string]: unknown;
};

/** An object to be made: a name, or a `generateName`. */
export type NewKubernetesObject = {
  apiVersion: string;
  kind: string;
  metadata: Omit<Metadata, 'name'> & { name?: string; generateName?: string };
  [field: string]: unknown;
};

/** Which kind of object, and where. Without a namespace: all of them in a list, "default" for one object. */
export type Kind = { apiVersion: string; kind: string; namespace?: string | undefined };

export type ListOptions = {
  labelSelector?: string | undefined;
  fieldSelector?: string | undefined;
  /** Objects of one page; 500 unless given. */
  limit?: number;
  signal?: AbortSignal | undefined;
};

/** `strategic` merges lists by their keys, for built-in kinds; `json` is a list of operations (RFC 6902). */
export type PatchType = 'merge' | 'strategic' | 'json';

export type DeleteOptions = {
  /** What becomes of what it owns; `Background` unless given. */
  propagation?: 'Background' | 'Foreground' | 'Orphan';
  /** Seconds; only pods have a grace period. */
  graceSeconds?: number | undefined;
  /** Delete this very object, not another of the same name. */
  uid?: string | undefined;
  signal?: AbortSignal | undefined;
};

export type ApplyOptions = {
  /** Who applies; `unet` unless given. */
  fieldManager?: string | undefined;
  /** Take over the fields of others, instead of a Conflict. */
  force?: boolean | undefined;
  signal?: AbortSignal | undefined;
};

type Signalled = { signal?: AbortSignal | undefined };

/** Objects by kind. All reject with a ClusterError. */
export type ObjectsClient = {
  get: (kind: Kind, name: string, options?: Signalled) => Promise<KubernetesObject | null>;
  /** All of them, page by page. */
  list: (kind: Kind, options?: ListOptions) => Promise<KubernetesObject[]>;
  /** With the revision from which a watch misses nothing. */
  listWithVersion: (
    kind: Kind,
    options?: ListOptions,
  ) => Promise<{ items: KubernetesObject[]; resourceVersion: string }>;
  /** One page after the other, for lists that are not to be in memory. */
  pages: (kind: Kind, options?: ListOptions) => AsyncGenerator<KubernetesObject[]>;
  create: (
    object: NewKubernetesObject,
    options?: Signalled & { fieldManager?: string },
  ) => Promise<KubernetesObject>;
  /** Server-side apply: makes it, or makes it so. */
  apply: (object: NewKubernetesObject, options?: ApplyOptions) => Promise<KubernetesObject>;
  patch: (
    kind: Kind,
    name: string,
    patch: unknown,
    options?: Signalled & { type?: PatchType; subresource?: 'status' | 'scale'; fieldManager?: string },
  ) => Promise<KubernetesObject>;
  replace: (object: KubernetesObject, options?: Signalled) => Promise<KubernetesObject>;
  /** false: there was none. The object may stay a while, until its finalizers and its grace period are over. */
  delete: (kind: Kind, name: string, options?: DeleteOptions) => Promise<boolean>;
  /** Changes, for as long as the loop runs; goes on after a cut connection and after 410 Gone. */
  watch: (kind: Kind, options?: WatchOptions) => AsyncGenerator<WatchEvent>;
  /** A part of an object: `scale`, `status`. */
  subresource: (
    kind: Kind,
    name: string,
    subresource: string,
    options?: Signalled,
  ) => Promise<KubernetesObject | null>;
  discovery: Discovery;
  /** The path of an object, or of a collection without a name. */
  path: (kind: Kind, name?: string, signal?: AbortSignal) => Promise<string>;
};

const PAGE = 500;
const FIELD_MANAGER = 'unet';

const PATCH_TYPES: Record<PatchType, string> = {
  merge: 'application/merge-patch+json',
  strategic: 'application/strategic-merge-patch+json',
  json: 'application/json-patch+json',
};

export function createObjects(http: HttpClient): ObjectsClient {
  const discovery = createDiscovery(http);
  const pathOf = async (kind: Kind, name?: string, signal?: AbortSignal) => {
    const resource = await discovery.resource(kind.apiVersion, kind.kind, signal);
    return resourcePath(resource, kind.namespace, name);
  };

  async function* pages(kind: Kind, { limit = PAGE, signal, ...selectors }: ListOptions = {}) {
    const path = await pathOf(kind, undefined, signal);
    let next: string | undefined;
    do {
      const query: Query = { ...selectors, limit, continue: next };
      const answer = (await http.send({
        method: 'GET',
        path,
        query,
        what: `list ${shown(kind)}`,
        signal,
      })) as List;
      yield answer;
      next = answer.metadata?.continue || undefined;
    } while (next !== undefined);
  }

  const listWithVersion = async (kind: Kind, options: ListOptions = {}) => {
    const items: KubernetesObject[] = [];
    let resourceVersion = '';
    for await (const page of pages(kind, options)) {
      resourceVersion = page.metadata?.resourceVersion ?? resourceVersion;
      items.push(...itemsOf(page, kind));
    }
    return { items, resourceVersion };
  };

  const objects: ObjectsClient = {
    discovery,
    path: pathOf,
    get: async (kind, name, { signal } = {}) => {
      const path = await pathOf(kind, name, signal);
      return (await orNull(
        http.send({ method: 'GET', path, what: `get ${shown(kind, name)}`, signal }),
      )) as KubernetesObject | null;
    },
    subresource: async (kind, name, subresource, { signal } = {}) => {
      const path = `${await pathOf(kind, name, signal)}/${subresource}`;
      const what = `get ${subresource} of ${shown(kind, name)}`;
      return (await orNull(http.send({ method: 'GET', path, what, signal }))) as KubernetesObject | null;
    },
    list: async (kind, options) => (await listWithVersion(kind, options)).items,
    listWithVersion,
    pages: async function* (kind, options) {
      for await (const page of pages(kind, options)) yield itemsOf(page, kind);
    },
    create: async (object, { signal, fieldManager = FIELD_MANAGER } = {}) => {
      const path = await pathOf(kindOf(object), undefined, signal);
      const { name, generateName } = object.metadata;
      const what = `create ${shown(kindOf(object), name ?? `${generateName}…`)}`;
      return (await http.send({
        method: 'POST',
        path,
        query: { fieldManager },
        body: object,
        what,
        signal,
      })) as KubernetesObject;
    },
    apply: async (object, { signal, force, fieldManager = FIELD_MANAGER } = {}) => {
      const { name = '' } = object.metadata;
      return (await http.send({
        method: 'PATCH',
        path: await pathOf(kindOf(object), name, signal),
        query: { fieldManager, force },
        body: object,
        contentType: 'application/apply-patch+yaml',
        what: `apply ${shown(kindOf(object), name)}`,
        signal,
      })) as KubernetesObject;
    },
    patch: async (
      kind,
      name,
      patch,
      { signal, type = 'merge', subresource, fieldManager = FIELD_MANAGER } = {},
    ) => {
      const path = await pathOf(kind, name, signal);
      return (await http.send({
        method: 'PATCH',
        path: subresource === undefined ? path : `${path}/${subresource}`,
        query: { fieldManager },
        body: patch,
        contentType: PATCH_TYPES[type],
        what: `patch ${shown(kind, name)}`,
        signal,
        // The operations of a JSON patch add up.
        repeatable: type !== 'json',
      })) as KubernetesObject;
    },
    replace: async (object, { signal } = {}) => {
      const path = await pathOf(kindOf(object), object.metadata.name, signal);
      const what = `replace ${shown(kindOf(object), object.metadata.name)}`;
      return (await http.send({ method: 'PUT', path, body: object, what, signal })) as KubernetesObject;
    },
    delete: async (kind, name, { propagation = 'Background', graceSeconds, uid, signal } = {}) => {
      const path = await pathOf(kind, name, signal);
      const body = {
        apiVersion: 'v1',
        kind: 'DeleteOptions',
        propagationPolicy: propagation,
        ...(graceSeconds !== undefined && { gracePeriodSeconds: graceSeconds }),
        ...(uid !== undefined && { preconditions: { uid } }),
      };
      const what = `delete ${shown(kind, name)}`;
      return (await orNull(http.send({ method: 'DELETE', path, body, what, signal }))) !== null;
    },
    watch: async function* (kind, options = {}) {
      const path = await pathOf(kind, undefined, options.signal);
      yield* watchResource({
        http,
        path,
        what: `watch ${shown(kind)}`,
        list: () => listWithVersion(kind, options),
        options,
      });
    },
  };
  return objects;
}

type List = {
  metadata?: { continue?: string; resourceVersion?: string };
  items?: KubernetesObject[];
};

/** Items of a built-in kind come without their kind. */
function itemsOf(page: List, { apiVersion, kind }: Kind): KubernetesObject[] {
  return (page.items ?? []).map((item) => ({ ...item, apiVersion, kind }));
}

function kindOf({ apiVersion, kind, metadata }: NewKubernetesObject): Kind {
  return { apiVersion, kind, namespace: metadata.namespace };
}

function resourcePath(
  { base, plural, namespaced }: Resource,
  namespace: string | undefined,
  name?: string,
): string {
  // A list without a namespace is of all; one object without is in "default", as kubectl has it.
  const where = namespace ?? (name === undefined ? undefined : 'default');
  const inside = namespaced && where !== undefined ? `/namespaces/${encodeURIComponent(where)}` : '';
  return `${base}${inside}/${plural}${name === undefined ? '' : `/${encodeURIComponent(name)}`}`;
}

function shown({ kind, namespace }: Kind, name?: string): string {
  const where = namespace === undefined ? '' : ` in ${namespace}`;
  return name === undefined ? `${kind}s${where}` : `${kind} "${name}"${where}`;
}
