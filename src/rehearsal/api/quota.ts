/** ResourceQuota: what a namespace uses, and the refusal of what would exceed it. */
import { at, isFields, type KubeObject } from './objects.ts';
import { containersWithout, isTerminal, podTotal } from './pod-resources.ts';
import { formatQuantity, parseQuantity } from './quantity.ts';
import { type ResourceType, resourceTypes } from './resource-types.ts';
import { qualifiedName, StatusError } from './status-error.ts';
import type { Store } from './store.ts';

/** @throws StatusError 403 when a quota of its namespace does not allow the object */
export function admitByQuota(store: Store, type: ResourceType, object: KubeObject): void {
  const { namespace, name, generateName } = object.metadata;
  for (const quota of store.list(resourceTypes.resourceQuotas, namespace)) {
    const hard = hardOf(quota);
    const concerned = Object.keys(hard).filter((resource) => usageOf(type, object, resource) !== undefined);
    const refuse = (why: string) => {
      const subject = `${qualifiedName(type)} "${name ?? generateName ?? ''}"`;
      throw new StatusError(403, 'Forbidden', `${subject} is forbidden: ${why}`, {
        name: name ?? '',
        kind: type.plural,
      });
    };
    const silent = concerned.flatMap((resource) => {
      const compute = type === resourceTypes.pods ? computeResource(resource) : undefined;
      const names = compute === undefined ? [] : containersWithout(object, ...compute);
      return names.length > 0 ? [`${resource} for: ${names.join(',')}`] : [];
    });
    if (silent.length > 0) refuse(`failed quota: ${quota.metadata.name}: must specify ${silent.join('; ')}`);
    const used = usedOf(store, quota);
    const exceeded = concerned.filter(
      (resource) => (used[resource] ?? 0) + (usageOf(type, object, resource) ?? 0) > (hard[resource] ?? 0),
    );
    if (exceeded.length === 0) continue;
    const told = (amount: (resource: string) => number) =>
      exceeded.map((resource) => `${resource}=${formatQuantity(resource, amount(resource))}`).join(',');
    refuse(
      `exceeded quota: ${quota.metadata.name}, requested: ${told((r) => usageOf(type, object, r) ?? 0)}, used: ${told((r) => used[r] ?? 0)}, limited: ${told((r) => hard[r] ?? 0)}`,
    );
  }
}

/** What the quota's namespace uses of each resource that it limits, in base units. */
export function usedOf(store: Store, quota: KubeObject): Record<string, number> {
  const { namespace } = quota.metadata;
  return Object.fromEntries(
    Object.keys(hardOf(quota)).map((resource) => {
      const counted = store.types.filter((type) => type.namespaced && countsAs(type, resource));
      const amounts = counted.flatMap((type) =>
        store.list(type, namespace).map((object) => usageOf(type, object, resource) ?? 0),
      );
      return [resource, amounts.reduce((sum, amount) => sum + amount, 0)];
    }),
  );
}

function hardOf(quota: KubeObject): Record<string, number> {
  const hard = at(quota, 'spec', 'hard');
  if (!isFields(hard)) return {};
  return Object.fromEntries(Object.entries(hard).map(([name, value]) => [name, parseQuantity(value) ?? 0]));
}

/** What one object uses of a quota's resource; undefined when it is not concerned. */
function usageOf(type: ResourceType, object: KubeObject, resource: string): number | undefined {
  if (!countsAs(type, resource)) return undefined;
  if (type !== resourceTypes.pods || resource.startsWith('count/')) return 1;
  if (isTerminal(object)) return 0;
  const compute = computeResource(resource);
  return compute === undefined ? 1 : podTotal(object, ...compute);
}

function countsAs(type: ResourceType, resource: string): boolean {
  if (type.storedAs !== undefined) return false;
  if (resource === `count/${qualifiedName(type)}`) return true;
  if (resource === type.plural) {
    return ['pods', 'services', 'configmaps', 'secrets', 'persistentvolumeclaims', 'resourcequotas'].includes(
      resource,
    );
  }
  return type === resourceTypes.pods && computeResource(resource) !== undefined;
}

/** `limits.cpu` and `requests.memory` in their halves; `cpu` and `memory` are requests. */
function computeResource(resource: string): ['requests' | 'limits', string] | undefined {
  const match = /^(requests|limits)\.(.+)$/.exec(resource);
  if (match !== null) return [match[1] as 'requests' | 'limits', match[2] ?? ''];
  return resource === 'cpu' || resource === 'memory' ? ['requests', resource] : undefined;
}
