/** What a pod asks for: the sum over its containers, or the largest of its init containers where that is more. */
import { at, type Fields, isFields, type KubeObject, listAt, textAt } from './objects.ts';
import { parseQuantity } from './quantity.ts';

/** The total of `cpu`, `memory` and so on, in base units. A request that is missing is the limit. */
export function podTotal(pod: KubeObject, field: 'requests' | 'limits', resource: string): number {
  const amount = (container: Fields) => containerAmount(container, field, resource) ?? 0;
  const running = listAt(pod, 'spec', 'containers').reduce((sum, container) => sum + amount(container), 0);
  return Math.max(running, ...listAt(pod, 'spec', 'initContainers').map(amount));
}

/** Names of the containers that say nothing of a resource. */
export function containersWithout(pod: KubeObject, field: 'requests' | 'limits', resource: string): string[] {
  return listAt(pod, 'spec', 'containers')
    .filter((container) => containerAmount(container, field, resource) === undefined)
    .map((container) => textAt(container, 'name'));
}

/** Every resource that a container of the pod requests or limits. */
export function resourcesOf(pod: KubeObject): string[] {
  const names = listAt(pod, 'spec', 'containers').flatMap((container) =>
    ['requests', 'limits'].flatMap((field) => {
      const amounts = at(container, 'resources', field);
      return isFields(amounts) ? Object.keys(amounts) : [];
    }),
  );
  return [...new Set(names)];
}

/** Whether the pod's containers are over: it holds no resources any more. */
export function isTerminal(pod: KubeObject): boolean {
  return ['Succeeded', 'Failed'].includes(textAt(pod, 'status', 'phase'));
}

function containerAmount(
  container: Fields,
  field: 'requests' | 'limits',
  resource: string,
): number | undefined {
  const limit = at(container, 'resources', 'limits', resource);
  const given = field === 'limits' ? limit : (at(container, 'resources', 'requests', resource) ?? limit);
  return given === undefined ? undefined : parseQuantity(given);
}
