/** Events, as `kubectl describe` and `kubectl get events` show them. */
import { type KubeObject, textAt, timestamp } from '../../api/objects.ts';
import { resourceTypes } from '../../api/resource-types.ts';
import { randomSuffix, type Store } from '../../api/store.ts';

export type EventText = { type: 'Normal' | 'Warning'; reason: string; message: string; component: string };

/** Says what happened to an object; the same thing again is counted. */
export function recordEvent(store: Store, object: KubeObject, { component, ...text }: EventText): void {
  const { name, namespace = 'default', uid = '', resourceVersion } = object.metadata;
  const now = timestamp();
  const same = store.findEvent(uid, text.reason, text.message);
  if (same !== undefined) {
    store.modify(resourceTypes.events, same.metadata.name, namespace, (event) => {
      event.count = Number(event.count ?? 1) + 1;
      event.lastTimestamp = now;
    });
    return;
  }
  const { apiVersion, kind } = object;
  if (textAt(store.find(resourceTypes.namespaces, namespace), 'status', 'phase') !== 'Active') return;
  store.create(resourceTypes.events, {
    metadata: { name: `${name}.${randomSuffix()}${randomSuffix()}`, namespace },
    involvedObject: { apiVersion, kind, name, namespace, uid, resourceVersion },
    ...text,
    source: { component },
    reportingComponent: component,
    firstTimestamp: now,
    lastTimestamp: now,
    count: 1,
  });
}
