/** Objects of any kind in a cluster: made, read, listed, followed, removed. */
import { setTimeout as sleep } from 'node:timers/promises';
import { UnetError } from '../../errors.ts';
import { isJsonObject, type JsonObject, type KubeObject, type ObjectReference } from '../object.ts';
import { ApiError, type Connection } from './connection.ts';
import { groupPath, type Resource, Resources } from './resources.ts';

export type Kind = { apiVersion: string; kind: string };
export type Selection = {
  /** All namespaces when undefined. */
  namespace?: string | undefined;
  labelSelector?: string | undefined;
  fieldSelector?: string | undefined;
};
export type Change = { type: 'there' | 'gone'; object: KubeObject };

// A page of a list; the server's own default for kubectl.
const PAGE = 500;
const RETRY_MS = 500;
const MAX_RETRY_MS = 15_000;

export class Cluster {
  readonly connection: Connection;
  readonly resources: Resources;

  constructor(connection: Connection) {
    this.connection = connection;
    this.resources = new Resources(connection);
  }

  /** @throws ApiError 409 when it is there already, and so on; UnetError UNET_KUBE_REFUSED for a kind that the server does not know */
  async create(object: KubeObject, namespace: string, signal: AbortSignal): Promise<KubeObject> {
    const resource = await this.resourceOf(object, signal);
    const path = collection(resource, object.metadata.namespace ?? namespace);
    return (await this.connection.json(path, { method: 'POST', body: object, signal })) as KubeObject;
  }

  /** Undefined where there is none. */
  async read(reference: ObjectReference, signal: AbortSignal): Promise<KubeObject | undefined> {
    const resource = await this.resources.byKind(reference.apiVersion, reference.kind, signal);
    if (resource === undefined) {
      return undefined; // its definition is gone, and so is the object
    }
    try {
      return (await this.connection.json(item(resource, reference), { signal })) as KubeObject;
    } catch (error) {
      return unlessMissing(error);
    }
  }

  /** False: it was not there, or another one of the same name is. What belongs to it is removed in the background. */
  async remove(reference: ObjectReference, uid: string, signal: AbortSignal): Promise<boolean> {
    const resource = await this.resourceOf(reference, signal);
    try {
      await this.connection.json(item(resource, reference), {
        method: 'DELETE',
        body: {
          apiVersion: 'v1',
          kind: 'DeleteOptions',
          propagationPolicy: 'Background',
          preconditions: { uid },
        },
        signal,
      });
      return true;
    } catch (error) {
      if (error instanceof ApiError && (error.status === 404 || error.status === 409)) {
        return false;
      }
      throw error;
    }
  }

  /** A merge patch. */
  async patch(reference: ObjectReference, body: JsonObject, signal: AbortSignal): Promise<KubeObject> {
    const resource = await this.resourceOf(reference, signal);
    const contentType = 'application/merge-patch+json';
    const call = { method: 'PATCH', body, contentType, signal } as const;
    return (await this.connection.json(item(resource, reference), call)) as KubeObject;
  }

  async list(kind: Kind, selection: Selection, signal: AbortSignal): Promise<KubeObject[]> {
    const resource = await this.resourceOf(kind, signal);
    return (await this.pages(resource, selection, signal)).items;
  }

  /**
   * Calls `onChange` for what is there and for each change, until `signal` aborts. A watch that is cut goes on where it was,
   * and one that is too old begins anew with a list, from which also follows what has gone meanwhile.
   */
  async follow(
    kind: Kind,
    selection: Selection,
    onChange: (change: Change) => void,
    signal: AbortSignal,
    onTrouble: (message: string) => void = () => {},
  ): Promise<void> {
    const seen = new Map<string, KubeObject>();
    let version: string | undefined;
    let wait = RETRY_MS;
    while (!signal.aborted) {
      try {
        const resource = await this.resourceOf(kind, signal);
        if (version === undefined) {
          const { items, resourceVersion } = await this.pages(resource, selection, signal);
          const there = new Set(items.map(uidOf));
          for (const [uid, object] of seen) {
            if (!there.has(uid)) {
              seen.delete(uid);
              onChange({ type: 'gone', object });
            }
          }
          for (const object of items) {
            seen.set(uidOf(object), object);
            onChange({ type: 'there', object });
          }
          version = resourceVersion;
        }
        version = await this.watch(resource, selection, version, seen, onChange, signal);
        wait = RETRY_MS;
      } catch (error) {
        if (signal.aborted) {
          return;
        }
        if (error instanceof ApiError && error.status === 410) {
          version = undefined;
          continue;
        }
        onTrouble(error instanceof Error ? error.message : String(error));
        await sleep(wait, undefined, { signal }).catch(() => {});
        wait = Math.min(2 * wait, MAX_RETRY_MS);
      }
    }
  }

  /** The lines of a container's log as they come, from its first one; they end with the container. */
  log(
    pod: { name: string; namespace: string },
    container: string,
    { previous = false, sinceTime }: { previous?: boolean; sinceTime?: string | undefined },
    signal: AbortSignal,
  ): AsyncIterable<string> {
    const path = `/api/v1/namespaces/${segment(pod.namespace)}/pods/${segment(pod.name)}/log`;
    const query = {
      container,
      sinceTime,
      timestamps: 'true',
      ...(previous ? { previous: 'true' } : { follow: 'true' }),
    };
    return this.connection.lines(path, { query, accept: '*/*', signal });
  }

  private async watch(
    resource: Resource,
    { namespace, labelSelector, fieldSelector }: Selection,
    from: string,
    seen: Map<string, KubeObject>,
    onChange: (change: Change) => void,
    signal: AbortSignal,
  ): Promise<string> {
    let version = from;
    const query = {
      watch: 'true',
      allowWatchBookmarks: 'true',
      resourceVersion: from,
      labelSelector,
      fieldSelector,
    };
    for await (const line of this.connection.lines(collection(resource, namespace), { query, signal })) {
      const { type, object } = JSON.parse(line) as { type: string; object: KubeObject };
      if (type === 'ERROR') {
        const { code, reason, message } = object as JsonObject;
        throw new ApiError(Number(code), String(reason), String(message));
      }
      version = String(object.metadata.resourceVersion ?? version);
      if (type === 'DELETED') {
        seen.delete(uidOf(object));
        onChange({ type: 'gone', object });
      } else if (type !== 'BOOKMARK') {
        seen.set(uidOf(object), object);
        onChange({ type: 'there', object });
      }
    }
    return version;
  }

  private async pages(
    resource: Resource,
    { namespace, labelSelector, fieldSelector }: Selection,
    signal: AbortSignal,
  ): Promise<{ items: KubeObject[]; resourceVersion: string }> {
    const items: KubeObject[] = [];
    let token: string | undefined;
    for (;;) {
      const query = { labelSelector, fieldSelector, limit: String(PAGE), continue: token };
      const page = await this.connection.json(collection(resource, namespace), { query, signal });
      const found = (Array.isArray(page.items) ? page.items : []).filter(isJsonObject);
      // The server leaves kind and version out of a list's items.
      items.push(
        ...found.map(
          (one) => ({ ...one, apiVersion: resource.apiVersion, kind: resource.kind }) as KubeObject,
        ),
      );
      const metadata = isJsonObject(page.metadata) ? page.metadata : {};
      token =
        typeof metadata.continue === 'string' && metadata.continue !== '' ? metadata.continue : undefined;
      if (token === undefined) {
        return { items, resourceVersion: String(metadata.resourceVersion ?? '0') };
      }
    }
  }

  private async resourceOf({ apiVersion, kind }: Kind, signal: AbortSignal): Promise<Resource> {
    const resource = await this.resources.byKind(apiVersion, kind, signal);
    if (resource === undefined) {
      throw new UnetError('UNET_KUBE_REFUSED', `the cluster has no kind ${kind} in ${apiVersion}`, {
        remedy: 'is its CustomResourceDefinition or operator installed? See "kubectl api-resources"',
      });
    }
    return resource;
  }
}

/** Where a list of the resource is. */
export function collection(
  { apiVersion, plural, namespaced }: Resource,
  namespace: string | undefined,
): string {
  const where = namespaced && namespace !== undefined ? `/namespaces/${segment(namespace)}` : '';
  return `${groupPath(apiVersion)}${where}/${plural}`;
}

function item(resource: Resource, { name, namespace }: ObjectReference): string {
  return `${collection(resource, namespace)}/${segment(name)}`;
}

function segment(text: string): string {
  return encodeURIComponent(text);
}

function uidOf({ metadata }: KubeObject): string {
  return String(metadata.uid ?? `${metadata.namespace}/${metadata.name}`);
}

function unlessMissing(error: unknown): undefined {
  if (error instanceof ApiError && error.status === 404) {
    return undefined;
  }
  throw error;
}
