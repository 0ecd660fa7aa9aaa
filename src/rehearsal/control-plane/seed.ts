import { type Fields, timestamp } from '../api/objects.ts';
import { resourceTypes } from '../api/resource-types.ts';
import type { Store } from '../api/store.ts';

export interface SeedOptions {
  clusterInfo: string;
  endpoint: string;
  authority: string;
}

/** What a cluster has right after `kubeadm init`: namespaces, kubeadm's ConfigMaps, the addons. */
export function seedCluster(store: Store, { clusterInfo, endpoint, authority }: SeedOptions): void {
  for (const name of ['default', 'kube-system', 'kube-public', 'kube-node-lease']) {
    createNamespace(store, name, authority);
  }
  createService(store, 'kubernetes', 'default', '10.96.0.1', [
    { name: 'https', port: 443, protocol: 'TCP', targetPort: 6443 },
  ]);
  createConfigMap(store, 'cluster-info', 'kube-public', { kubeconfig: clusterInfo });
  createConfigMap(store, 'kubeadm-config', 'kube-system', {
    ClusterConfiguration: `apiVersion: kubeadm.k8s.io/v1beta4\nclusterName: kubernetes\ncontrolPlaneEndpoint: ${endpoint}\nkind: ClusterConfiguration\nkubernetesVersion: v1.34.2\nnetworking:\n  dnsDomain: cluster.local\n  podSubnet: 10.244.0.0/16\n  serviceSubnet: 10.96.0.0/16\n`,
  });
  createConfigMap(store, 'kubelet-config', 'kube-system', { kubelet: 'kind: KubeletConfiguration\n' });
  createConfigMap(store, 'kube-proxy', 'kube-system', { 'config.conf': 'kind: KubeProxyConfiguration\n' });
  createConfigMap(store, 'coredns', 'kube-system', { Corefile: '.:53 {\n    kubernetes cluster.local\n}\n' });
  seedAddons(store);
}

/** A namespace with what the controllers put into every one. */
export function createNamespace(store: Store, name: string, authority: string): void {
  store.create(resourceTypes.namespaces, {
    metadata: { name, labels: { 'kubernetes.io/metadata.name': name } },
    spec: { finalizers: ['kubernetes'] },
    status: { phase: 'Active' },
  });
  createConfigMap(store, 'kube-root-ca.crt', name, { 'ca.crt': authority });
  store.create(resourceTypes.serviceAccounts, { metadata: { name: 'default', namespace: name } });
}

function seedAddons(store: Store): void {
  const dnsPorts = [
    { name: 'dns', port: 53, protocol: 'UDP', targetPort: 53 },
    { name: 'dns-tcp', port: 53, protocol: 'TCP', targetPort: 53 },
    { name: 'metrics', port: 9153, protocol: 'TCP', targetPort: 9153 },
  ];
  const dns = { 'k8s-app': 'kube-dns' };
  createService(store, 'kube-dns', 'kube-system', '10.96.0.10', dnsPorts, dns);
  store.create(resourceTypes.deployments, {
    metadata: { name: 'coredns', namespace: 'kube-system', labels: dns, generation: 1 },
    spec: {
      replicas: 2,
      selector: { matchLabels: dns },
      template: podTemplate(dns, 'coredns', 'registry.k8s.io/coredns/coredns:v1.12.1'),
    },
    status: { observedGeneration: 1, replicas: 2, updatedReplicas: 2, unavailableReplicas: 2 },
  });
  const proxy = { 'k8s-app': 'kube-proxy' };
  createDaemonSet(store, 'kube-proxy', 'kube-system', proxy, 'registry.k8s.io/kube-proxy:v1.34.2');
}

/** A DaemonSet whose pods the DaemonSet controller makes, one per node. */
export function createDaemonSet(
  store: Store,
  name: string,
  namespace: string,
  labels: Record<string, string>,
  image: string,
): void {
  store.create(resourceTypes.daemonSets, {
    metadata: { name, namespace, labels, generation: 1 },
    spec: {
      selector: { matchLabels: labels },
      template: podTemplate(labels, name, image),
      updateStrategy: { type: 'RollingUpdate' },
    },
    status: {},
  });
}

export function createConfigMap(
  store: Store,
  name: string,
  namespace: string,
  data: Record<string, string>,
): void {
  store.create(resourceTypes.configMaps, { metadata: { name, namespace }, data });
}

/** The static pods of a control plane's node. */
export function createControlPlanePods(store: Store, node: string, address: string): void {
  for (const component of ['etcd', 'kube-apiserver', 'kube-controller-manager', 'kube-scheduler']) {
    store.create(resourceTypes.pods, {
      metadata: {
        name: `${component}-${node}`,
        namespace: 'kube-system',
        labels: { component, tier: 'control-plane' },
      },
      spec: {
        nodeName: node,
        hostNetwork: true,
        containers: [{ name: component, image: `registry.k8s.io/${component}:v1.34.2` }],
      },
      status: runningStatus(component, address),
    });
  }
}

/** The status of a pod whose one container runs and is ready. */
export function runningStatus(container: string, address: string): Fields {
  const now = timestamp();
  return {
    phase: 'Running',
    podIP: address,
    podIPs: [{ ip: address }],
    startTime: now,
    conditions: ['PodScheduled', 'Initialized', 'ContainersReady', 'Ready'].map((type) => ({
      type,
      status: 'True',
      lastTransitionTime: now,
    })),
    containerStatuses: [
      {
        name: container,
        ready: true,
        started: true,
        restartCount: 0,
        state: { running: { startedAt: now } },
      },
    ],
  };
}

function createService(
  store: Store,
  name: string,
  namespace: string,
  clusterIP: string,
  ports: Fields[],
  selector?: Record<string, string>,
): void {
  store.create(resourceTypes.services, {
    metadata: {
      name,
      namespace,
      ...(selector && { labels: { ...selector, 'kubernetes.io/name': 'CoreDNS' } }),
    },
    spec: { type: 'ClusterIP', clusterIP, clusterIPs: [clusterIP], ports, ...(selector && { selector }) },
    status: { loadBalancer: {} },
  });
}

function podTemplate(labels: Record<string, string>, name: string, image: string): Fields {
  return { metadata: { labels }, spec: { containers: [{ name, image }] } };
}
