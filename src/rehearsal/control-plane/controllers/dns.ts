import { type KubeObject, textAt } from '../../api/objects.ts';
import { resourceTypes } from '../../api/resource-types.ts';
import { randomSuffix } from '../../api/store.ts';
import type { ControllerContext } from '../controllers.ts';
import { runningStatus } from '../seed.ts';
import { hasTaint, isReady } from './node-conditions.ts';
import { observe } from './observe.ts';

const namespace = 'kube-system';
const uninitialized = 'node.cloudprovider.kubernetes.io/uninitialized';
const labels = { 'k8s-app': 'kube-dns', 'pod-template-hash': '66bc5c9577' };

/**
 * CoreDNS: its two pods wait for a node that is ready and initialized (they tolerate a control plane's
 * taint), then run, and the kube-dns Service gets its endpoints.
 */
export function runDns(context: ControllerContext): void {
  const { store, dnsAllowed, signal } = context;
  const pods = [createPod(), createPod()];
  createEndpoints([]);
  let started = false;
  observe(context, [resourceTypes.nodes], async () => {
    const node = store
      .list(resourceTypes.nodes)
      .find((candidate) => isReady(candidate) && !hasTaint(candidate, uninitialized));
    if (started || node === undefined) return;
    started = true;
    for (const [i, pod] of pods.entries()) schedule(pod, node, podAddress(node, i));
    await dnsAllowed(signal);
    for (const [i, pod] of pods.entries()) run(pod, podAddress(node, i));
    becomeReady(
      pods.map((pod, i) => ({ pod, address: podAddress(node, i) })),
      node.metadata.name,
    );
  });

  function createPod(): string {
    const pod = store.create(resourceTypes.pods, {
      metadata: { name: `coredns-66bc5c9577-${randomSuffix()}`, namespace, labels },
      spec: { containers: [{ name: 'coredns', image: 'registry.k8s.io/coredns/coredns:v1.12.1' }] },
      status: { phase: 'Pending' },
    });
    return pod.metadata.name;
  }

  /** On a node, running, but not ready: as recorded. */
  function schedule(name: string, node: KubeObject, address: string): void {
    store.modify(resourceTypes.pods, name, namespace, (pod) => {
      pod.spec = { ...(pod.spec as object), nodeName: node.metadata.name };
      pod.status = {
        phase: 'Running',
        podIP: address,
        containerStatuses: [
          { name: 'coredns', ready: false, started: true, restartCount: 0, state: { running: {} } },
        ],
      };
    });
  }

  function run(name: string, address: string): void {
    store.modify(resourceTypes.pods, name, namespace, (pod) => {
      pod.status = runningStatus('coredns', address);
    });
  }

  function becomeReady(ready: { pod: string; address: string }[], node: string): void {
    store.modify(resourceTypes.deployments, 'coredns', namespace, (deployment) => {
      const conditions = [{ type: 'Available', status: 'True', reason: 'MinimumReplicasAvailable' }];
      deployment.status = {
        observedGeneration: 1,
        replicas: 2,
        updatedReplicas: 2,
        readyReplicas: 2,
        availableReplicas: 2,
        conditions,
      };
    });
    const addresses = ready.map(({ pod, address }) => ({
      ip: address,
      nodeName: node,
      targetRef: { kind: 'Pod', name: pod, namespace },
    }));
    store.modify(resourceTypes.endpoints, 'kube-dns', namespace, (endpoints) => {
      endpoints.subsets = [{ addresses, ports: ports() }];
    });
    const [slice] = store.list(resourceTypes.endpointSlices, namespace);
    store.modify(resourceTypes.endpointSlices, slice?.metadata.name ?? '', namespace, (object) => {
      object.endpoints = ready.map(({ pod, address }) => ({
        addresses: [address],
        conditions: { ready: true, serving: true, terminating: false },
        nodeName: node,
        targetRef: { kind: 'Pod', name: pod, namespace },
      }));
    });
  }

  function createEndpoints(endpoints: object[]): void {
    store.create(resourceTypes.endpoints, {
      metadata: { name: 'kube-dns', namespace, labels: { 'k8s-app': 'kube-dns' } },
    });
    store.create(resourceTypes.endpointSlices, {
      metadata: {
        name: `kube-dns-${randomSuffix()}`,
        namespace,
        labels: { 'k8s-app': 'kube-dns', 'kubernetes.io/service-name': 'kube-dns' },
      },
      addressType: 'IPv4',
      endpoints,
      ports: ports(),
    });
  }
}

function ports(): object[] {
  return [
    { name: 'dns', port: 53, protocol: 'UDP' },
    { name: 'dns-tcp', port: 53, protocol: 'TCP' },
    { name: 'metrics', port: 9153, protocol: 'TCP' },
  ];
}

/** Addresses of the node's pod network, from .2 on. */
function podAddress(node: KubeObject, index: number): string {
  return textAt(node, 'spec', 'podCIDR').replace('.0/24', `.${index + 2}`);
}
