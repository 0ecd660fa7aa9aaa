import { randomUUID } from 'node:crypto';
import { EventEmitter } from 'node:events';
import { isDeepStrictEqual } from 'node:util';
import { at, type KubeObject, type ObjectMeta, textAt, timestamp } from './objects.ts';
import { allResourceTypes, groupVersionOf, type ResourceType, resourceTypes } from './resource-types.ts';
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

/** An object with its kind. */
export interface StoredObject {
  type: ResourceType;
  object: KubeObject;
}

/** Changes kept for watches that start in the past; older ones are answered with 410 Gone. */
const keptChanges = 5000;

/** The state of the rehearsed cluster: objects by kind, in memory, with one revision counter as in etcd. */
export class Store {
  readonly #objects = new Map<ResourceType, Map<string, KubeObject>>();
  readonly #changes: Change[] = [];
  readonly #events = new EventEmitter();
  readonly #byUid = new Map<string, StoredObject>();
  readonly #dependents = new Map<string, Set<string>>();
  readonly #eventsOf = new Map<string, KubeObject[]>();
  #types: readonly ResourceType[] = allResourceTypes;
  #revision = 1;
  #oldest = 1;

  constructor() {
    this.#events.setMaxListeners(0);
  }

  get revision(): number {
    return this.#revision;
  }

  /** All kinds that are served: the built-in ones and those that a definition has added. */
  get types(): readonly ResourceType[] {
    return this.#types;
  }

  /** Replaces the kinds that definitions have added. */
  setCustomTypes(custom: readonly ResourceType[]): void {
    this.#types = [...allResourceTypes, ...custom];
  }

  /** The object with this uid. */
  findByUid(uid: string): StoredObject | undefined {
    return this.#byUid.get(uid);
  }

  /** The objects that name this uid as an owner. */
  dependentsOf(uid: string | undefined): StoredObject[] {
    return [...(this.#dependents.get(uid ?? '') ?? [])].flatMap((each) => this.#byUid.get(each) ?? []);
  }

  /** The event of an object with this reason and message. */
  findEvent(uid: string, reason: string, message: string): KubeObject | undefined {
    return this.#eventsOf.get(uid)?.find((event) => event.reason === reason && event.message === message);
  }

  /** Forgets all changes so far: watches from the past get 410 Gone, as after etcd's compaction. */
  compact(): void {
    this.#changes.length = 0;
    this.#oldest = ++this.#revision;
  }

  /** The object, or undefined. What the store returns is never to be changed. */
  find(type: ResourceType, name: string, namespace?: string): KubeObject | undefined {
    return served(type, this.#kind(type).get(keyOf(name, namespace)));
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
      .flatMap(([, object]) => served(type, object) ?? []);
  }

  /** @throws StatusError 409 when the name is taken */
  create(given: ResourceType, object: NewObject): KubeObject {
    const type = given.storedAs ?? given;
    return served(given, this.#create(type, object)) as KubeObject;
  }

  #create(type: ResourceType, given: NewObject): KubeObject {
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
        ...(countsGenerations(type) && { generation: 1 }),
      },
    };
    this.#kind(type).set(key, object);
    this.#index(type, object);
    this.#publish({ type: 'ADDED', resource: type, object, revision: this.#revision });
    return object;
  }

  /**
   * Replaces an object; what only the server sets is kept, and nothing happens when nothing differs.
   *
   * @throws StatusError 404, or 409 when the given resourceVersion is not the current one
   */
  update(type: ResourceType, given: KubeObject): KubeObject {
    return served(type, this.#update(type.storedAs ?? type, given)) as KubeObject;
  }

  #update(type: ResourceType, given: KubeObject): KubeObject {
    const { name, namespace, resourceVersion } = given.metadata;
    const previous = this.get(type, name, namespace);
    if (resourceVersion && resourceVersion !== previous.metadata.resourceVersion) throw conflict(type, name);
    const object = withServerFields(given, previous, previous.metadata.resourceVersion ?? '');
    if (isDeepStrictEqual(object, previous)) return previous;
    if (countsGenerations(type) && !isDeepStrictEqual(object.spec, previous.spec)) {
      object.metadata.generation = (previous.metadata.generation ?? 0) + 1;
    }
    if (isFinished(object)) {
      this.delete(type, name, namespace);
      return object;
    }
    object.metadata.resourceVersion = String(++this.#revision);
    this.#kind(type).set(keyOf(name, namespace), object);
    this.#index(type, object, previous);
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
  delete(given: ResourceType, name: string, namespace?: string): KubeObject {
    const type = given.storedAs ?? given;
    const previous = this.get(type, name, namespace);
    this.#kind(type).delete(keyOf(name, namespace));
    this.#index(type, undefined, previous);
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

  #index(type: ResourceType, object: KubeObject | undefined, previous?: KubeObject): void {
    if (type === resourceTypes.events) this.#indexEvent(object, previous);
    const uid = object?.metadata.uid ?? previous?.metadata.uid ?? '';
    for (const owner of ownersOf(previous)) this.#dependents.get(owner)?.delete(uid);
    for (const owner of ownersOf(object)) {
      const known = this.#dependents.get(owner);
      if (known === undefined) this.#dependents.set(owner, new Set([uid]));
      else known.add(uid);
    }
    if (object === undefined) {
      this.#byUid.delete(uid);
      if (this.#dependents.get(uid)?.size === 0) this.#dependents.delete(uid);
    } else this.#byUid.set(uid, { type, object });
  }

  #indexEvent(object: KubeObject | undefined, previous: KubeObject | undefined): void {
    const uid = textAt(object ?? previous, 'involvedObject', 'uid');
    const others = (this.#eventsOf.get(uid) ?? []).filter((event) => event !== previous);
    const events = object === undefined ? others : [...others, object];
    if (events.length > 0) this.#eventsOf.set(uid, events);
    else this.#eventsOf.delete(uid);
  }

  #kind(type: ResourceType): Map<string, KubeObject> {
    const stored = type.storedAs ?? type;
    let objects = this.#objects.get(stored);
    if (objects === undefined) {
      objects = new Map();
      this.#objects.set(stored, objects);
    }
    return objects;
  }
}

/** Five characters, as the API server makes them (no vowels, no look-alikes). */
export function randomSuffix(): string {
  const alphabet = 'bcdfghjklmnpqrstvwxz2456789';
  return Array.from({ length: 5 }, () => alphabet[Math.floor(Math.random() * alphabet.length)]).join('');
}

/** The object in the version that was asked for: nothing but the name of the version differs. */
export function served(type: ResourceType, object: KubeObject | undefined): KubeObject | undefined {
  if (object === undefined || type.storedAs === undefined) return object;
  return { ...object, apiVersion: groupVersionOf(type) };
}

/** Kinds whose controllers compare metadata.generation with status.observedGeneration. */
function countsGenerations(type: ResourceType): boolean {
  return type.status && !['Pod', 'Node', 'Namespace', 'Service'].includes(type.kind);
}

/** Whether it is being deleted, and nothing holds it any more. */
function isFinished({ metadata, spec }: KubeObject): boolean {
  if (metadata.deletionTimestamp === undefined || (metadata.deletionGracePeriodSeconds ?? 0) > 0)
    return false;
  return (metadata.finalizers ?? []).length === 0 && listLength(spec, 'finalizers') === 0;
}

function listLength(spec: unknown, field: string): number {
  const found = at(spec, field);
  return Array.isArray(found) ? found.length : 0;
}

function ownersOf(object: KubeObject | undefined): string[] {
  return (object?.metadata.ownerReferences ?? []).map((reference) => textAt(reference, 'uid'));
}

function withServerFields(given: KubeObject, previous: KubeObject, resourceVersion: string): KubeObject {
  const { uid, creationTimestamp, generation } = previous.metadata;
  return {
    ...structuredClone(given),
    apiVersion: previous.apiVersion,
    kind: previous.kind,
    metadata: {
      ...structuredClone(given.metadata),
      ...(uid !== undefined && { uid }),
      ...(creationTimestamp !== undefined && { creationTimestamp }),
      ...(generation !== undefined && { generation }),
      resourceVersion,
    },
  };
}

function keyOf(name: string, namespace: string | undefined): string {
  return `${namespace ?? ''}/${name}`;
}
