/** Who has set which field of an object: metadata.managedFields, in both directions. */
import { isDeepStrictEqual } from 'node:util';
import { type Fields, isFields, type KubeObject, timestamp } from './objects.ts';
import { keyOf, mergedSets } from './strategic-merge.ts';

/** A path of segments in the form of FieldsV1: `f:name`, `k:{"name":"x"}`, `v:"x"`; as JSON text, to be a key. */
export type FieldPath = string;

/** What one manager has set in one way. */
export type Ownership = { manager: string; operation: 'Apply' | 'Update'; paths: Set<FieldPath> };

const serverFields = new Set([
  'name',
  'namespace',
  'generateName',
  'uid',
  'resourceVersion',
  'creationTimestamp',
  'generation',
  'managedFields',
  'deletionTimestamp',
  'deletionGracePeriodSeconds',
]);

/**
 * The fields that an object sets, each with its value. Lists with a merge key are told element by element where
 * `keyed` says so; every other list is one field.
 */
export function leavesOf(object: Fields, keyed: boolean): Map<FieldPath, unknown> {
  const leaves = new Map<FieldPath, unknown>();
  const { apiVersion: _, kind: _kind, status: _status, metadata, ...rest } = object;
  const own = Object.entries(isFields(metadata) ? metadata : {}).filter(([key]) => !serverFields.has(key));
  addLeaves(leaves, { ...rest, metadata: Object.fromEntries(own) }, [], keyed);
  return leaves;
}

export function ownershipsOf(object: KubeObject): Ownership[] {
  return (object.metadata.managedFields ?? []).map(({ manager, operation, fieldsV1 }) => ({
    manager: String(manager),
    operation: operation === 'Apply' ? 'Apply' : 'Update',
    paths: new Set(pathsOf(isFields(fieldsV1) ? fieldsV1 : {}, [])),
  }));
}

/** The object with these owners; an entry that did not change keeps its time. */
export function withOwnerships(object: KubeObject, ownerships: readonly Ownership[]): KubeObject {
  const before = object.metadata.managedFields ?? [];
  const managedFields = ownerships
    .filter(({ paths }) => paths.size > 0)
    .map(({ manager, operation, paths }) => {
      const fieldsV1 = treeOf(paths);
      const same = before.find(
        (entry) =>
          entry.manager === manager &&
          entry.operation === operation &&
          isDeepStrictEqual(entry.fieldsV1, fieldsV1),
      );
      return (
        same ?? {
          manager,
          operation,
          apiVersion: object.apiVersion,
          time: timestamp(),
          fieldsType: 'FieldsV1',
          fieldsV1,
        }
      );
    });
  return { ...object, metadata: { ...object.metadata, managedFields } };
}

/** After a write that is no apply: what it changed belongs to its manager alone. */
export function recordUpdate(
  before: KubeObject | undefined,
  after: KubeObject,
  manager: string,
  keyed: boolean,
): KubeObject {
  const was = before === undefined ? new Map<FieldPath, unknown>() : leavesOf(before, keyed);
  const is = leavesOf(after, keyed);
  const changed = [...is.keys()].filter(
    (path) => !was.has(path) || !isDeepStrictEqual(was.get(path), is.get(path)),
  );
  const removed = [...was.keys()].filter((path) => !is.has(path));
  const kept = before === undefined ? [] : ownershipsOf(before);
  if (changed.length === 0 && removed.length === 0) return withOwnerships(after, kept);
  for (const { paths } of kept) for (const path of [...changed, ...removed]) paths.delete(path);
  const own = kept.find((entry) => entry.manager === manager && entry.operation === 'Update');
  if (own === undefined) kept.push({ manager, operation: 'Update', paths: new Set(changed) });
  else for (const path of changed) own.paths.add(path);
  return withOwnerships(after, kept);
}

export function segmentsOf(path: FieldPath): string[] {
  return JSON.parse(path) as string[];
}

/** Whether a list is merged element by element, by this field of its elements. */
export function listKey(field: string, list: readonly unknown[], keyed: boolean): string | undefined {
  const name = keyed ? keyOf(field, list) : undefined;
  return name !== undefined && list.every((element) => isFields(element) && element[name] !== undefined)
    ? name
    : undefined;
}

function addLeaves(leaves: Map<FieldPath, unknown>, value: Fields, at: string[], keyed: boolean): void {
  for (const [key, field] of Object.entries(value)) {
    const path = [...at, `f:${key}`];
    if (isFields(field) && Object.keys(field).length > 0) addLeaves(leaves, field, path, keyed);
    else if (Array.isArray(field) && field.length > 0) addList(leaves, key, field, path, keyed);
    else if (field !== undefined && field !== null && !(isFields(field) && at.length === 0)) {
      leaves.set(JSON.stringify(path), field);
    }
  }
}

function addList(
  leaves: Map<FieldPath, unknown>,
  key: string,
  list: readonly unknown[],
  path: string[],
  keyed: boolean,
): void {
  if (mergedSets.has(key)) {
    for (const element of list)
      leaves.set(JSON.stringify([...path, `v:${JSON.stringify(element)}`]), element);
    return;
  }
  const name = listKey(key, list, keyed);
  if (name === undefined) {
    leaves.set(JSON.stringify(path), list);
    return;
  }
  for (const element of list as Fields[]) {
    const inside = [...path, `k:${JSON.stringify({ [name]: element[name] })}`];
    leaves.set(JSON.stringify([...inside, '.']), true);
    addLeaves(leaves, element, inside, keyed);
  }
}

function treeOf(paths: Iterable<FieldPath>): Fields {
  const tree: Fields = {};
  for (const path of paths) {
    let inner = tree;
    for (const segment of segmentsOf(path)) {
      inner[segment] ??= {};
      inner = inner[segment] as Fields;
    }
  }
  return tree;
}

function pathsOf(tree: Fields, at: string[]): FieldPath[] {
  return Object.entries(tree).flatMap(([segment, inner]) => {
    const path = [...at, segment];
    return isFields(inner) && Object.keys(inner).length > 0 ? pathsOf(inner, path) : [JSON.stringify(path)];
  });
}
