/** What the API server fills in before it stores a new object. */
import { createHash, randomUUID } from 'node:crypto';
import { at, type Fields, isFields, type KubeObject, listAt } from './objects.ts';
import { type ResourceType, resourceTypes } from './resource-types.ts';
import type { Store } from './store.ts';

/** The object with its defaults; the given one stays as it is. */
export function withDefaults(store: Store, type: ResourceType, object: KubeObject): KubeObject {
  switch (type) {
    case resourceTypes.namespaces:
      return { spec: { finalizers: ['kubernetes'] }, ...object, status: { phase: 'Active' } };
    case resourceTypes.secrets:
      return secretWithDefaults(object);
    case resourceTypes.pods:
      return podWithDefaults(store, object);
    case resourceTypes.services:
      return serviceWithDefaults(store, object);
    case resourceTypes.jobs:
      return jobWithDefaults(object);
    default:
      return withWorkloadDefaults(type, object);
  }
}

/** The defaults that come back when a field is taken away. */
export function withWorkloadDefaults(type: ResourceType, object: KubeObject): KubeObject {
  const workloads: readonly ResourceType[] = [
    resourceTypes.deployments,
    resourceTypes.replicaSets,
    resourceTypes.statefulSets,
  ];
  return workloads.includes(type) ? workloadWithDefaults(type, object) : object;
}

/** A short name for a pod template, the same for the same template. */
export function templateHash(template: unknown): string {
  return createHash('sha256').update(JSON.stringify(template)).digest('hex').slice(0, 10);
}

function secretWithDefaults({ stringData, ...secret }: KubeObject): KubeObject {
  const texts = isFields(stringData) ? stringData : {};
  const encoded = Object.entries(texts).map(([key, value]) => [
    key,
    Buffer.from(String(value)).toString('base64'),
  ]);
  return {
    type: 'Opaque',
    ...secret,
    data: { ...(secret.data as Fields), ...Object.fromEntries(encoded) },
  } as KubeObject;
}

function podWithDefaults(store: Store, pod: KubeObject): KubeObject {
  const spec = podSpecWithDefaults(pod.spec);
  return {
    ...pod,
    spec: limitsByRange(store, pod.metadata.namespace, spec),
    status: { phase: 'Pending', qosClass: 'BestEffort', ...(pod.status as Fields) },
  };
}

function podSpecWithDefaults(spec: unknown): Fields {
  return {
    restartPolicy: 'Always',
    terminationGracePeriodSeconds: 30,
    dnsPolicy: 'ClusterFirst',
    serviceAccountName: 'default',
    schedulerName: 'default-scheduler',
    ...(spec as Fields),
  };
}

/** A LimitRange gives containers the limits and requests that they do not say. */
function limitsByRange(store: Store, namespace: string | undefined, spec: Fields): Fields {
  const limits = store
    .list(resourceTypes.limitRanges, namespace)
    .flatMap((range) => listAt(range, 'spec', 'limits'))
    .filter(({ type }) => type === 'Container');
  if (limits.length === 0) return spec;
  const ofRange = (field: string): Fields => Object.assign({}, ...limits.map((limit) => limit[field] ?? {}));
  const containers = listAt(spec, 'containers').map((container) => {
    const own = (at(container, 'resources') ?? {}) as Fields;
    const resources = {
      ...own,
      limits: { ...ofRange('default'), ...(own.limits as Fields) },
      requests: { ...ofRange('defaultRequest'), ...(own.requests as Fields) },
    };
    return { ...container, resources };
  });
  return { ...spec, containers };
}

function serviceWithDefaults(store: Store, service: KubeObject): KubeObject {
  const spec = service.spec as Fields;
  const type = spec.type ?? 'ClusterIP';
  const clusterIP = type === 'ExternalName' ? undefined : (spec.clusterIP ?? freeClusterIp(store));
  const ports = listAt(spec, 'ports').map((port) => ({
    protocol: 'TCP',
    targetPort: port.port,
    ...port,
    ...(type === 'NodePort' && port.nodePort === undefined && { nodePort: freeNodePort(store) }),
  }));
  return {
    ...service,
    spec: {
      sessionAffinity: 'None',
      ...spec,
      type,
      ...(ports.length > 0 && { ports }),
      ...(clusterIP !== undefined && { clusterIP, clusterIPs: [clusterIP] }),
    },
    status: { loadBalancer: {} },
  };
}

function freeClusterIp(store: Store): string {
  const taken = new Set(
    store.list(resourceTypes.services).map((service) => at(service, 'spec', 'clusterIP')),
  );
  for (let i = 256; i < 65_534; i++) {
    const address = `10.96.${i >> 8}.${i & 255}`;
    if (!taken.has(address)) return address;
  }
  return 'None';
}

function freeNodePort(store: Store): number {
  const taken = store
    .list(resourceTypes.services)
    .flatMap((service) => listAt(service, 'spec', 'ports'))
    .map(({ nodePort }) => Number(nodePort ?? 0));
  return Math.max(29_999, ...taken) + 1;
}

function jobWithDefaults(job: KubeObject): KubeObject {
  const spec = job.spec as Fields;
  // The uid is not known yet; the selector only has to be this job's alone.
  const id = randomUUID();
  const labels = {
    'batch.kubernetes.io/controller-uid': id,
    'batch.kubernetes.io/job-name': job.metadata.name,
    'controller-uid': id,
    'job-name': job.metadata.name,
  };
  const template = spec.template as Fields;
  const metadata = (template.metadata ?? {}) as Fields;
  return {
    ...job,
    spec: {
      backoffLimit: 6,
      completionMode: 'NonIndexed',
      suspend: false,
      parallelism: 1,
      ...(spec.parallelism === undefined && { completions: 1 }),
      selector: { matchLabels: { 'batch.kubernetes.io/controller-uid': id } },
      ...spec,
      template: {
        ...template,
        metadata: { ...metadata, labels: { ...(metadata.labels as Fields), ...labels } },
        spec: podSpecWithDefaults(template.spec),
      },
    },
    status: {},
  };
}

function workloadWithDefaults(type: ResourceType, object: KubeObject): KubeObject {
  const spec = object.spec as Fields;
  const template = spec.template;
  if (!isFields(template)) return object;
  return {
    ...object,
    spec: {
      replicas: 1,
      ...(type === resourceTypes.deployments && {
        strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: '25%', maxUnavailable: '25%' } },
        revisionHistoryLimit: 10,
        progressDeadlineSeconds: 600,
      }),
      ...(type === resourceTypes.statefulSets && {
        podManagementPolicy: 'OrderedReady',
        updateStrategy: { type: 'RollingUpdate' },
        serviceName: '',
      }),
      ...spec,
      template: { ...template, spec: podSpecWithDefaults(template.spec) },
    },
    status: (object.status ?? {}) as Fields,
  };
}
