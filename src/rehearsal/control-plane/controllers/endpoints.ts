/** The endpoints of services: their ready pods, whether or not anything carries traffic to them. */
import { at, type Fields, isFields, type KubeObject, listAt, textAt } from '../../api/objects.ts';
import { resourceTypes } from '../../api/resource-types.ts';
import type { ControllerContext } from '../controllers.ts';
import { observe } from './observe.ts';
import { isPodReady } from './owned-pods.ts';

export function runEndpoints(context: ControllerContext): void {
  const { store } = context;
  observe(context, [resourceTypes.services, resourceTypes.pods], ({ resource, object, type }) => {
    const { name, namespace } = object.metadata;
    if (resource === resourceTypes.services) {
      if (type === 'DELETED') remove(name, namespace);
      else write(object);
      return;
    }
    for (const service of store.list(resourceTypes.services, namespace)) {
      if (selects(service, object)) write(service);
    }
  });

  function write(service: KubeObject): void {
    const { name, namespace } = service.metadata;
    // CoreDNS has its own.
    if (!isFields(at(service, 'spec', 'selector')) || namespace === 'kube-system') return;
    if (store.find(resourceTypes.services, name, namespace) === undefined) return;
    const pods = store
      .list(resourceTypes.pods, namespace)
      .filter((pod) => selects(service, pod) && isPodReady(pod));
    const ports = listAt(service, 'spec', 'ports').map((port) => ({
      name: textAt(port, 'name'),
      port: typeof port.targetPort === 'number' ? port.targetPort : port.port,
      protocol: port.protocol ?? 'TCP',
    }));
    const target = (pod: KubeObject) => ({
      kind: 'Pod',
      name: pod.metadata.name,
      namespace,
      uid: pod.metadata.uid,
    });
    put(
      resourceTypes.endpoints,
      name,
      namespace,
      {},
      {
        subsets:
          pods.length === 0
            ? []
            : [
                {
                  addresses: pods.map((pod) => ({
                    ip: textAt(pod, 'status', 'podIP'),
                    nodeName: textAt(pod, 'spec', 'nodeName'),
                    targetRef: target(pod),
                  })),
                  ports,
                },
              ],
      },
    );
    put(
      resourceTypes.endpointSlices,
      `${name}-rehearsed`,
      namespace,
      { 'kubernetes.io/service-name': name },
      {
        addressType: 'IPv4',
        endpoints: pods.map((pod) => ({
          addresses: [textAt(pod, 'status', 'podIP')],
          conditions: { ready: true, serving: true, terminating: false },
          nodeName: textAt(pod, 'spec', 'nodeName'),
          targetRef: target(pod),
        })),
        ports,
      },
    );
  }

  function put(
    type: typeof resourceTypes.endpoints | typeof resourceTypes.endpointSlices,
    name: string,
    namespace: string | undefined,
    labels: Record<string, string>,
    fields: Fields,
  ): void {
    if (store.find(type, name, namespace) === undefined) {
      store.create(type, {
        metadata: { name, ...(namespace !== undefined && { namespace }), labels },
        ...fields,
      });
    } else store.modify(type, name, namespace, (object) => Object.assign(object, fields));
  }

  function remove(name: string, namespace: string | undefined): void {
    for (const [type, each] of [
      [resourceTypes.endpoints, name],
      [resourceTypes.endpointSlices, `${name}-rehearsed`],
    ] as const) {
      if (store.find(type, each, namespace) !== undefined) store.delete(type, each, namespace);
    }
  }
}

function selects(service: KubeObject, pod: KubeObject): boolean {
  const selector = at(service, 'spec', 'selector');
  if (!isFields(selector) || Object.keys(selector).length === 0) return false;
  return Object.entries(selector).every(([key, value]) => pod.metadata.labels?.[key] === value);
}
