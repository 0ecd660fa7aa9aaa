/** The cluster as jobs need it: on top of the client library, what a job's objects are to be asked and told. */

import { setTimeout as sleep } from 'node:timers/promises';
import type { HttpRequest } from '../cluster/http.ts';
import { ClusterError, type Kind, type KubernetesContext } from '../cluster/index.ts';
import { splitLines } from '../cluster/lines.ts';
import { errorMessage } from '../errors.ts';
import type { JsonObject, KubeObject, ObjectReference } from './object.ts';
import { type NamedResource, resourceByName } from './resource-names.ts';

export type Selection = {
  /** All namespaces when undefined. */
  namespace?: string | undefined;
  labelSelector?: string | undefined;
  fieldSelector?: string | undefined;
};
export type Change = { type: 'there' | 'gone'; object: KubeObject };

const RETRY_MS = 1000;
const MAX_RETRY_MS = 15_000;

export class Cluster {
  private readonly context: KubernetesContext;

  constructor(context: KubernetesContext) {
    this.context = context;
  }

  /** The context's. */
  get namespace(): string {
    return this.context.namespace;
  }

  /** Whether its kind is one that lives in namespaces; undefined: the cluster has no such kind. */
  async isNamespaced({ apiVersion, kind }: Kind, signal: AbortSignal): Promise<boolean | undefined> {
    try {
      return (await this.context.objects.discovery.resource(apiVersion, kind, signal)).namespaced;
    } catch (error) {
      return unlessNoKind(error);
    }
  }

  /** @throws ClusterError AlreadyExists, Forbidden, … */
  async create(object: KubeObject, signal: AbortSignal): Promise<KubeObject> {
    return (await this.context.objects.create(object, { signal })) as KubeObject;
  }

  /** Undefined where there is none. */
  async read({ name, ...kind }: ObjectReference, signal: AbortSignal): Promise<KubeObject | undefined> {
    try {
      return ((await this.context.objects.get(kind, name, { signal })) ?? undefined) as
        | KubeObject
        | undefined;
    } catch (error) {
      return unlessNoKind(error); // its definition is gone, and so is the object
    }
  }

  /** False: it was not there, or another one of the same name is. What belongs to it is removed in the background. */
  async remove({ name, ...kind }: ObjectReference, uid: string, signal: AbortSignal): Promise<boolean> {
    try {
      return await this.context.objects.delete(kind, name, { uid, signal });
    } catch (error) {
      if (ClusterError.isCluster(error, 'Conflict')) {
        return false;
      }
      throw error;
    }
  }

  /** A merge patch. */
  async patch({ name, ...kind }: ObjectReference, body: JsonObject, signal: AbortSignal): Promise<void> {
    await this.context.objects.patch(kind, name, body, { signal });
  }

  async list(kind: Kind, { namespace, ...selectors }: Selection, signal: AbortSignal): Promise<KubeObject[]> {
    return (await this.context.objects.list(
      { ...kind, namespace },
      { ...selectors, signal },
    )) as KubeObject[];
  }

  /** Calls `onChange` for what is there and for each change, until `signal` aborts; also over refusals, which are told. */
  async follow(
    kind: Kind,
    { namespace, ...selectors }: Selection,
    onChange: (change: Change) => void,
    signal: AbortSignal,
    onTrouble: (message: string) => void,
  ): Promise<void> {
    for (let wait = RETRY_MS; !signal.aborted; wait = Math.min(2 * wait, MAX_RETRY_MS)) {
      try {
        const events = this.context.objects.watch({ ...kind, namespace }, { ...selectors, signal });
        for await (const { type, object } of events) {
          wait = RETRY_MS;
          onChange({ type: type === 'DELETED' ? 'gone' : 'there', object: object as KubeObject });
        }
      } catch (error) {
        if (!signal.aborted) {
          onTrouble(errorMessage(error));
        }
      }
      await sleep(wait, undefined, { signal }).catch(() => {});
    }
  }

  /** The lines of a container's log with their times before them, as they come; they end with the container. */
  async *log(
    pod: { name: string; namespace: string },
    container: string,
    { sinceTime }: { sinceTime: string | undefined },
    signal: AbortSignal,
  ): AsyncGenerator<string> {
    const kind = { apiVersion: 'v1', kind: 'Pod', namespace: pod.namespace };
    const stream = await this.context.http.stream({
      method: 'GET',
      path: `${await this.context.objects.path(kind, pod.name, signal)}/log`,
      query: { container, sinceTime, timestamps: true, follow: true },
      accept: '*/*',
      what: `read the log of pod "${pod.name}"`,
      signal,
    });
    try {
      yield* splitLines(stream);
    } finally {
      stream.destroy();
    }
  }

  /** By what people write. @throws UnetError UNET_USAGE with the nearest name */
  async resource(name: string, signal: AbortSignal): Promise<NamedResource> {
    return await resourceByName(this.context.http, name, signal);
  }

  async send(request: Omit<HttpRequest, 'method'>): Promise<JsonObject> {
    return (await this.context.http.send({ method: 'GET', ...request })) as JsonObject;
  }
}

function unlessNoKind(error: unknown): undefined {
  if (ClusterError.isCluster(error, 'Unsupported')) {
    return undefined;
  }
  throw error;
}
