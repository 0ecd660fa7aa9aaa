import { randomUUID } from 'node:crypto';
import { EventEmitter } from 'node:events';
import { isDeepStrictEqual } from 'node:util';
import { type KubeObject, type ObjectMeta, timestamp } from './objects.ts';
import { groupVersionOf, type ResourceType } from './resource-types.ts';
import { alreadyExists, conflict, notFound } from './status-error.ts';

/** One change of one object. */
export interface Change {
  type: 'ADDED' | 'MODIFIED' | 'DELETED';
  resource: ResourceType;
  object: KubeObject;
  /** The object before the change, for watches that select. */
  previous?: KubeObject;
  revision: number;
}

/** An object to create: a name or a generateName, the kind by the collection. */
export interface NewObject {
  metadata: Omit<ObjectMeta, 'name'> & { name?: string };
  [field: string]: unknown;
}

/** Changes kept for watches that start in the past; older ones are answered with 410 Gone. */
const keptChanges = 5000;

/** The state of the rehearsed cluster: objects by kind, in memory, with one revision counter as in etcd. */
export class Store {
  readonly #objects = new Map<ResourceType, Map<string, KubeObject>>();
  readonly #changes: Change[] = [];
  readonly #events = new EventEmitter();
  #revision = 1;
  #oldest = 1;

  constructor() {
    this.#events.setMaxListeners(0);
  }

  get revision(): number {
    return this.#revision;
  }

  /** The object, or undefined. What the store returns is never to be changed. */
  find(type: ResourceType, name: string, namespace?: string): KubeObject | undefined {
    return this.#kind(type).get(keyOf(name, namespace));
  }

  /** @throws StatusError 404 */
  get(type: ResourceType, name: string, namespace?: string): KubeObject {
    const object = this.find(type, name, namespace);
    if (object === undefined) throw notFound(type, name);
    return object;
  }

  /** All objects of a kind, of one namespace if given, sorted as in etcd. */
  list(type: ResourceType, namespace?: string): KubeObject[] {
    return [...this.#kind(type).entries()]
      .filter(([, object]) => namespace === undefined || object.metadata.namespace === namespace)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([, object]) => object);
  }

  /** @throws StatusError 409 when the name is taken */
  create(type: ResourceType, given: NewObject): KubeObject {
    const metadata = structuredClone(given.metadata);
    const name = metadata.name || (metadata.generateName ?? '') + randomSuffix();
    const key = keyOf(name, metadata.namespace);
    if (this.#kind(type).has(key)) throw alreadyExists(type, name);
    const object: KubeObject = {
      ...structuredClone(given),
      apiVersion: groupVersionOf(type),
      kind: type.kind,
      metadata: {
        ...metadata,
        name,
        uid: randomUUID(),
        resourceVersion: String(++this.#revision),
        creationTimestamp: timestamp(),
      },
    };
    this.#kind(type).set(key, object);
    this.#publish({ type: 'ADDED', resource: type, object, revision: this.#revision });
    return object;
  }

  /**
   * Replaces an object; what only the server sets is kept, and nothing happens when nothing differs.
   *
   * @throws StatusError 404, or 409 when the given resourceVersion is not the current one
   */
  update(type: ResourceType, given: KubeObject): KubeObject {
    const { name, namespace, resourceVersion } = given.metadata;
    const previous = this.get(type, name, namespace);
    if (resourceVersion && resourceVersion !== previous.metadata.resourceVersion) throw conflict(type, name);
    const object = withServerFields(given, previous, previous.metadata.resourceVersion ?? '');
    if (isDeepStrictEqual(object, previous)) return previous;
    object.metadata.resourceVersion = String(++this.#revision);
    this.#kind(type).set(keyOf(name, namespace), object);
    this.#publish({ type: 'MODIFIED', resource: type, object, previous, revision: this.#revision });
    return object;
  }

  /** Changes an object in place, for the controllers: no conflict is possible, all is one process. */
  modify(
    type: ResourceType,
    name: string,
    namespace: string | undefined,
    change: (object: KubeObject) => void,
  ): KubeObject {
    const object = structuredClone(this.get(type, name, namespace));
    change(object);
    return this.update(type, object);
  }

  /** @throws StatusError 404 */
  delete(type: ResourceType, name: string, namespace?: string): KubeObject {
    const previous = this.get(type, name, namespace);
    this.#kind(type).delete(keyOf(name, namespace));
    const object = {
      ...previous,
      metadata: { ...previous.metadata, resourceVersion: String(++this.#revision) },
    };
    this.#publish({ type: 'DELETED', resource: type, object, previous, revision: this.#revision });
    return previous;
  }

  /** Calls the listener for every change from now on; returns what ends it. */
  subscribe(listener: (change: Change) => void): () => void {
    this.#events.on('change', listener);
    return () => this.#events.off('change', listener);
  }

  /** The changes after a revision; undefined when they are no longer known. */
  changesSince(revision: number): Change[] | undefined {
    if (revision < this.#oldest) return undefined;
    return this.#changes.filter((change) => change.revision > revision);
  }

  #publish(change: Change): void {
    this.#changes.push(change);
    if (this.#changes.length > keptChanges) this.#oldest = this.#changes.shift()?.revision ?? this.#oldest;
    this.#events.emit('change', change);
  }

  #kind(type: ResourceType): Map<string, KubeObject> {
    let objects = this.#objects.get(type);
    if (objects === undefined) {
      objects = new Map();
      this.#objects.set(type, objects);
    }
    return objects;
  }
}

/** Five characters, as the API server makes them (no vowels, no look-alikes). */
export function randomSuffix(): string {
  const alphabet = 'bcdfghjklmnpqrstvwxz2456789';
  return Array.from({ length: 5 }, () => alphabet[Math.floor(Math.random() * alphabet.length)]).join('');
}

function withServerFields(given: KubeObject, previous: KubeObject, resourceVersion: string): KubeObject {
  const { uid, creationTimestamp } = previous.metadata;
  return {
    ...structuredClone(given),
    apiVersion: previous.apiVersion,
    kind: previous.kind,
    metadata: {
      ...structuredClone(given.metadata),
      ...(uid !== undefined && { uid }),
      ...(creationTimestamp !== undefined && { creationTimestamp }),
      resourceVersion,
    },
  };
}

function keyOf(name: string, namespace: string | undefined): string {
  return `${namespace ?? ''}/${name}`;
}
