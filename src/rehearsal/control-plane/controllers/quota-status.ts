/** Keeps status.used of each ResourceQuota. */
import { at, type Fields, isFields } from '../../api/objects.ts';
import { formatQuantity } from '../../api/quantity.ts';
import { usedOf } from '../../api/quota.ts';
import { resourceTypes } from '../../api/resource-types.ts';
import type { ControllerContext } from '../controllers.ts';
import { observeAll } from './observe.ts';

/** Changes that come together are counted once. */
export function runQuotaStatus(context: ControllerContext): void {
  const { store } = context;
  const changed = new Set<string>();
  observeAll(context, ({ resource, object }) => {
    if (resource === resourceTypes.events || resource === resourceTypes.leases) return;
    const { namespace } = object.metadata;
    if (namespace === undefined) return;
    if (changed.size === 0) setImmediate(count);
    changed.add(namespace);
  });

  function count(): void {
    const namespaces = [...changed];
    changed.clear();
    for (const quota of namespaces.flatMap((each) => store.list(resourceTypes.resourceQuotas, each))) {
      const { name, namespace } = quota.metadata;
      const amounts = Object.entries(usedOf(store, quota));
      const used = amounts.map(([resource, amount]) => [resource, formatQuantity(resource, amount)]);
      const hard = at(quota, 'spec', 'hard');
      store.modify(resourceTypes.resourceQuotas, name, namespace, (object) => {
        object.status = { hard: isFields(hard) ? hard : {}, used: Object.fromEntries(used) } as Fields;
      });
    }
  }
}
