/** Server-side apply: each manager owns the fields that it applies; another's are a conflict unless forced. */
import { isDeepStrictEqual } from 'node:util';
import {
  type FieldPath,
  leavesOf,
  listKey,
  type Ownership,
  ownershipsOf,
  segmentsOf,
  withOwnerships,
} from './field-ownership.ts';
import { type Fields, isFields, type KubeObject } from './objects.ts';
import { StatusError } from './status-error.ts';
import { mergedSets } from './strategic-merge.ts';

export type ApplyRequest = {
  manager: string;
  force: boolean;
  /** Whether lists with a merge key are merged; those of custom resources are replaced. */
  keyed: boolean;
};

/**
 * What becomes of the object when the manager applies `config`.
 *
 * @throws StatusError 409 when another manager has given a field another value
 */
export function applied(current: KubeObject, config: KubeObject, request: ApplyRequest): KubeObject {
  const { manager, force, keyed } = request;
  const wanted = leavesOf(config, keyed);
  const present = leavesOf(current, keyed);
  const all = ownershipsOf(current);
  const own = all.find((entry) => entry.manager === manager && entry.operation === 'Apply');
  const others = all.filter((entry) => entry !== own);
  const differs = (path: FieldPath) => !isDeepStrictEqual(present.get(path), wanted.get(path));
  const conflicts = others.flatMap((other) =>
    [...other.paths].filter((path) => wanted.has(path) && differs(path)).map((path) => ({ other, path })),
  );
  if (conflicts.length > 0 && !force) throw conflictError(conflicts);
  for (const { other, path } of conflicts) other.paths.delete(path);
  const merged = merge(current, config, keyed) as KubeObject;
  const dropped = [...(own?.paths ?? [])].filter(
    (path) => !wanted.has(path) && !others.some(({ paths }) => paths.has(path)),
  );
  // An element's presence is a field of its own: it goes last, with all that is in it.
  for (const path of dropped) removePath(merged, segmentsOf(path));
  return withOwnerships(merged, [...others, { manager, operation: 'Apply', paths: new Set(wanted.keys()) }]);
}

function conflictError(conflicts: readonly { other: Ownership; path: FieldPath }[]): StatusError {
  const causes = conflicts.map(({ other, path }) => ({
    reason: 'FieldManagerConflict',
    message: `conflict with "${other.manager}"`,
    field: shownPath(path),
  }));
  const text =
    causes.length === 1
      ? `conflict with "${conflicts[0]?.other.manager}": ${causes[0]?.field}`
      : `conflicts with ${[...new Set(conflicts.map(({ other }) => `"${other.manager}"`))].join(', ')}: ${causes.map(({ field }) => field).join(', ')}`;
  const count = causes.length === 1 ? '1 conflict' : `${causes.length} conflicts`;
  return new StatusError(409, 'Conflict', `Apply failed with ${count}: ${text}`, { causes });
}

function shownPath(path: FieldPath): string {
  return segmentsOf(path)
    .filter((segment) => segment !== '.')
    .map((segment) => (segment.startsWith('f:') ? `.${segment.slice(2)}` : `[${segment.slice(2)}]`))
    .join('');
}

/** What is applied wins, what it does not say stays. */
function merge(current: unknown, config: unknown, keyed: boolean, field = ''): unknown {
  if (isFields(config)) {
    const result: Fields = isFields(current) ? { ...current } : {};
    for (const [key, value] of Object.entries(config)) {
      if (value === null) delete result[key];
      else result[key] = merge(result[key], value, keyed, key);
    }
    return result;
  }
  if (!Array.isArray(config) || !Array.isArray(current)) return config;
  if (mergedSets.has(field)) return [...new Set([...current, ...config])];
  const name = listKey(field, [...current, ...config], keyed);
  if (name === undefined) return config;
  const result: unknown[] = [...current];
  for (const element of config as Fields[]) {
    const index = result.findIndex((other) => isFields(other) && other[name] === element[name]);
    if (index < 0) result.push(element);
    else result[index] = merge(result[index], element, keyed);
  }
  return result;
}

function removePath(target: unknown, [segment = '', ...rest]: readonly string[]): void {
  if (!isFields(target)) return;
  const key = segment.slice(2);
  const inner = target[key];
  const [next = ''] = rest;
  if (rest.length === 0) delete target[key];
  else if (Array.isArray(inner)) target[key] = withoutElement(inner, next, rest.slice(1));
  else if (isFields(inner)) {
    const copy = { ...inner };
    removePath(copy, rest);
    if (Object.keys(copy).length === 0) delete target[key];
    else target[key] = copy;
  }
}

function withoutElement(list: readonly unknown[], segment: string, rest: readonly string[]): unknown[] {
  const given = JSON.parse(segment.slice(2)) as unknown;
  if (segment.startsWith('v:')) return list.filter((element) => !isDeepStrictEqual(element, given));
  const [[name, value] = ['', undefined]] = Object.entries(given as Fields);
  const matches = (element: unknown) => isFields(element) && element[name] === value;
  if (rest.length === 1 && rest[0] === '.') return list.filter((element) => !matches(element));
  return list.map((element) => {
    if (!matches(element)) return element;
    const copy = { ...(element as Fields) };
    removePath(copy, rest);
    return copy;
  });
}
