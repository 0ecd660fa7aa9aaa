/** A namespace that is being deleted: everything in it goes, then the namespace. */
import { requestDeletion } from '../../api/deletion.ts';
import type { Fields } from '../../api/objects.ts';
import { resourceTypes } from '../../api/resource-types.ts';
import type { ControllerContext } from '../controllers.ts';
import { observeAll } from './observe.ts';

export function runNamespaceLifecycle(context: ControllerContext): void {
  const { store } = context;
  const leaving = new Set<string>();
  observeAll(context, ({ type, resource, object }) => {
    const { name, namespace = '', deletionTimestamp } = object.metadata;
    if (resource === resourceTypes.namespaces) {
      if (type === 'DELETED') leaving.delete(name);
      else if (deletionTimestamp !== undefined && !leaving.has(name)) {
        leaving.add(name);
        empty(name);
      }
    } else if (type === 'DELETED' && leaving.has(namespace)) finish(namespace);
  });

  function empty(namespace: string): void {
    for (const type of store.types.filter((each) => each.namespaced && each.storedAs === undefined)) {
      for (const object of store.list(type, namespace)) {
        if (object.metadata.deletionTimestamp === undefined) {
          requestDeletion(store, type, object, { propagation: 'Background' });
        }
      }
    }
    finish(namespace);
  }

  function finish(namespace: string): void {
    if (store.find(resourceTypes.namespaces, namespace) === undefined) return;
    const left = store.types.some((type) => type.namespaced && store.list(type, namespace).length > 0);
    if (left) return;
    store.modify(resourceTypes.namespaces, namespace, undefined, (object) => {
      object.spec = { ...(object.spec as Fields), finalizers: [] };
    });
  }
}
