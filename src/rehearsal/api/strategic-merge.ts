import { type Fields, isFields } from './objects.ts';

/** The key by which the elements of a list are told apart; lists without one are replaced as a whole. */
export const mergeKeys: Record<string, string> = {
  addresses: 'type',
  conditions: 'type',
  containers: 'name',
  env: 'name',
  ephemeralContainers: 'name',
  imagePullSecrets: 'name',
  initContainers: 'name',
  ownerReferences: 'uid',
  secrets: 'name',
  taints: 'key',
  volumeMounts: 'mountPath',
  volumes: 'name',
};

/** Lists of plain values that are merged as sets. */
export const mergedSets = new Set(['finalizers']);

/**
 * Applies a strategic merge patch, as far as kubectl and kubelets use it: merge keys, `$patch: delete`
 * and `$patch: replace`, `$deleteFromPrimitiveList/…`, and `$retainKeys`, `$setElementOrder/…` ignored.
 */
export function strategicMerge(target: unknown, patch: Fields): Fields {
  const { $patch, ...fields } = patch;
  if ($patch === 'replace') return fields;
  const result: Fields = isFields(target) ? { ...target } : {};
  for (const [key, value] of Object.entries(fields)) {
    if (key.startsWith('$deleteFromPrimitiveList/')) {
      const list = key.slice('$deleteFromPrimitiveList/'.length);
      if (Array.isArray(result[list]) && Array.isArray(value)) {
        result[list] = (result[list] as unknown[]).filter((element) => !value.includes(element));
      }
    } else if (key.startsWith('$')) continue;
    else if (value === null) delete result[key];
    else if (Array.isArray(value)) result[key] = mergeList(key, result[key], value);
    else if (isFields(value)) mergeFields(result, key, value);
    else result[key] = value;
  }
  return result;
}

function mergeFields(result: Fields, key: string, value: Fields): void {
  if (value.$patch === 'delete') delete result[key];
  else result[key] = strategicMerge(result[key], value);
}

function mergeList(field: string, target: unknown, patch: unknown[]): unknown[] {
  const current: unknown[] = Array.isArray(target) ? [...target] : [];
  if (mergedSets.has(field)) return [...new Set([...current, ...patch])];
  const keyName = keyOf(field, [...current, ...patch]);
  if (keyName === undefined) return patch;
  if (patch.some((element) => isFields(element) && element.$patch === 'replace')) {
    return patch.filter((element) => isFields(element) && element.$patch !== 'replace');
  }
  const result = current;
  for (const element of patch) {
    if (!isFields(element)) continue;
    const index = result.findIndex((other) => isFields(other) && other[keyName] === element[keyName]);
    if (element.$patch === 'delete') {
      if (index >= 0) result.splice(index, 1);
    } else if (index >= 0) result[index] = strategicMerge(result[index], element);
    else result.push(strategicMerge({}, element));
  }
  return result;
}

/** Ports are keyed differently in pods (containerPort) and services (port). */
export function keyOf(field: string, elements: readonly unknown[]): string | undefined {
  if (field !== 'ports') return mergeKeys[field];
  return elements.some((element) => isFields(element) && 'containerPort' in element)
    ? 'containerPort'
    : 'port';
}
