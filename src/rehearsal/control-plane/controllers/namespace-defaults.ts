import { resourceTypes } from '../../api/resource-types.ts';
import type { ControllerContext } from '../controllers.ts';
import { createConfigMap } from '../seed.ts';
import { observe } from './observe.ts';

/** Gives each new namespace its default service account and the cluster's authority. */
export function runNamespaceDefaults(context: ControllerContext): void {
  const { store, authority } = context;
  observe(context, [resourceTypes.namespaces], ({ type, object }) => {
    const namespace = object.metadata.name;
    if (type !== 'ADDED' || store.find(resourceTypes.namespaces, namespace) === undefined) return;
    if (store.find(resourceTypes.serviceAccounts, 'default', namespace) === undefined) {
      store.create(resourceTypes.serviceAccounts, { metadata: { name: 'default', namespace } });
    }
    if (store.find(resourceTypes.configMaps, 'kube-root-ca.crt', namespace) === undefined) {
      createConfigMap(store, 'kube-root-ca.crt', namespace, { 'ca.crt': authority.certificate });
    }
  });
}
