/** Whether DNS of the cluster answers: the service kube-dns has a ready endpoint. */
import { DiscoveryV1Api, type KubeConfig, type V1EndpointSlice } from '@kubernetes/client-node';
import { follow } from './watch.ts';

const SELECTOR = 'kubernetes.io/service-name=kube-dns';
const NAMESPACE = 'kube-system';

/** Resolves at the first ready endpoint; rejects with the signal's reason. */
export async function dnsReady(config: KubeConfig, signal: AbortSignal): Promise<void> {
  const api = config.makeApiClient(DiscoveryV1Api);
  const found = new AbortController();
  await follow<V1EndpointSlice>({
    config,
    path: `/apis/discovery.k8s.io/v1/namespaces/${NAMESPACE}/endpointslices`,
    list: () => api.listNamespacedEndpointSlice({ namespace: NAMESPACE, labelSelector: SELECTOR }),
    labelSelector: SELECTOR,
    onTrouble: () => {},
    signal: AbortSignal.any([signal, found.signal]),
    onObject: (slice) => {
      if (
        slice.endpoints?.some(
          (endpoint) => endpoint.conditions?.ready !== false && endpoint.addresses.length > 0,
        )
      ) {
        found.abort();
      }
    },
  });
  signal.throwIfAborted();
}
