import { at, type Fields, type KubeObject, listAt, textAt } from '../../api/objects.ts';
import { resourceTypes } from '../../api/resource-types.ts';
import { randomSuffix } from '../../api/store.ts';
import type { ControllerContext } from '../controllers.ts';
import { runningStatus } from '../seed.ts';
import { isReady } from './node-conditions.ts';
import { observe } from './observe.ts';

/**
 * One pod of each DaemonSet on each node. A pod of the network (flannel) runs at once, since it is what
 * makes the node ready; any other runs when its node is.
 */
export function runDaemonSets(context: ControllerContext): void {
  const { store } = context;
  observe(
    context,
    [resourceTypes.daemonSets, resourceTypes.nodes],
    ({ resource, object, type, previous }) => {
      if (resource === resourceTypes.nodes) {
        if (type === 'DELETED') removePodsOf(object.metadata.name);
        // A heartbeat changes nothing for the pods.
        else if (previous === undefined || isReady(previous) !== isReady(object)) {
          for (const set of store.list(resourceTypes.daemonSets)) place(set, object.metadata.name);
        }
      } else if (type === 'ADDED') {
        for (const node of store.list(resourceTypes.nodes)) place(object, node.metadata.name);
      } else if (type === 'DELETED') {
        for (const pod of podsOf(object))
          store.delete(resourceTypes.pods, pod.metadata.name, pod.metadata.namespace);
      }
    },
  );

  function place(set: KubeObject, nodeName: string): void {
    const node = store.find(resourceTypes.nodes, nodeName);
    const { name: setName, namespace } = set.metadata;
    if (node === undefined || store.find(resourceTypes.daemonSets, setName, namespace) === undefined) return;
    const pod =
      podsOf(set).find((candidate) => textAt(candidate, 'spec', 'nodeName') === nodeName) ??
      createPod(set, nodeName);
    if (isReady(node) || setName.startsWith('kube-flannel')) run(pod, node);
    updateStatus(set);
  }

  function podsOf(set: KubeObject): KubeObject[] {
    return store
      .list(resourceTypes.pods, set.metadata.namespace)
      .filter(
        (pod) =>
          pod.metadata.name.startsWith(`${set.metadata.name}-`) &&
          'pod-template-generation' in (pod.metadata.labels ?? {}),
      );
  }

  function createPod(set: KubeObject, nodeName: string): KubeObject {
    const { name, namespace } = set.metadata;
    const template = at(set, 'spec', 'template') as Fields;
    const [container] = listAt(template, 'spec', 'containers');
    return store.create(resourceTypes.pods, {
      metadata: {
        name: `${name}-${randomSuffix()}`,
        ...(namespace !== undefined && { namespace }),
        labels: {
          ...(at(template, 'metadata', 'labels') as Record<string, string>),
          'pod-template-generation': '1',
        },
        ownerReferences: [
          { apiVersion: 'apps/v1', kind: 'DaemonSet', name, uid: set.metadata.uid, controller: true },
        ],
      },
      spec: { ...(template.spec as Fields), nodeName, hostNetwork: true },
      status: {
        phase: 'Pending',
        containerStatuses: [
          {
            name: container?.name,
            ready: false,
            restartCount: 0,
            state: { waiting: { reason: 'ContainerCreating' } },
          },
        ],
      },
    });
  }

  function run(pod: KubeObject, node: KubeObject): void {
    if (textAt(pod, 'status', 'phase') === 'Running') return;
    const [container] = listAt(pod, 'spec', 'containers');
    store.modify(resourceTypes.pods, pod.metadata.name, pod.metadata.namespace, (object) => {
      object.status = runningStatus(
        textAt(container, 'name'),
        node.metadata.labels?.['usernetes/host-ip'] ?? '',
      );
    });
  }

  function updateStatus(set: KubeObject): void {
    const pods = podsOf(set);
    const ready = pods.filter((pod) => textAt(pod, 'status', 'phase') === 'Running').length;
    const count = pods.length;
    store.modify(resourceTypes.daemonSets, set.metadata.name, set.metadata.namespace, (object) => {
      object.status = {
        observedGeneration: 1,
        desiredNumberScheduled: count,
        currentNumberScheduled: count,
        updatedNumberScheduled: count,
        numberReady: ready,
        numberAvailable: ready,
        numberMisscheduled: 0,
      };
    });
  }

  function removePodsOf(nodeName: string): void {
    for (const pod of store.list(resourceTypes.pods)) {
      if (textAt(pod, 'spec', 'nodeName') === nodeName)
        store.delete(resourceTypes.pods, pod.metadata.name, pod.metadata.namespace);
    }
  }
}
