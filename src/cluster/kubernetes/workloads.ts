/** What Kubernetes has and Nomad has not: deployments, stateful sets, services, config maps, patch, apply, exec, port-forward. */
import { withDeadline } from '../deadline.ts';
import { ClusterError } from '../errors.ts';
import type { Execution, LogOptions, Signalled, Toleration, WaitOptions } from '../types.ts';
import type { KubernetesContext } from './connect.ts';
import { type ExecOptions, type ExecResult, execInPod, forwardPort, type PortForwarding } from './exec.ts';
import { createFollower } from './follower.ts';
import { commandLine, defined, firstContainer, readExecution } from './job-object.ts';
import { followLog, readLog } from './logs.ts';
import type { ApplyOptions, Kind, KubernetesObject, NewKubernetesObject, PatchType } from './objects.ts';

export type WorkloadSpec = {
  image: string;
  replicas?: number | undefined;
  command?: readonly string[] | undefined;
  args?: readonly string[] | undefined;
  entrypoint?: readonly string[] | undefined;
  cpuLimit?: string | undefined;
  memLimit?: string | undefined;
  cpuRequest?: string | undefined;
  memRequest?: string | undefined;
  env?: Readonly<Record<string, string>> | undefined;
  ports?: readonly number[] | undefined;
  labels?: Readonly<Record<string, string>> | undefined;
  annotations?: Readonly<Record<string, string>> | undefined;
  volumes?: readonly Record<string, unknown>[] | undefined;
  volumeMounts?: readonly Record<string, unknown>[] | undefined;
  nodeSelector?: Readonly<Record<string, string>> | undefined;
  tolerations?: readonly Toleration[] | undefined;
  pullSecrets?: readonly string[] | undefined;
  pullPolicy?: 'Always' | 'IfNotPresent' | 'Never' | undefined;
  /** Stateful sets: the headless service that names their pods. */
  serviceName?: string | undefined;
};

export type ServiceSpec = {
  /** Which pods: by their labels. */
  selector: Readonly<Record<string, string>>;
  ports: readonly { port: number; targetPort?: number | string; name?: string; protocol?: 'TCP' | 'UDP' }[];
  type?: 'ClusterIP' | 'NodePort' | 'LoadBalancer' | undefined;
  /** Without an address of its own. */
  headless?: boolean | undefined;
  labels?: Readonly<Record<string, string>> | undefined;
};

export type Workload = {
  id: string;
  replicas: number;
  ready: number;
  available: number;
  image: string;
  raw: KubernetesObject;
};

/** Deployments, or stateful sets. */
export type WorkloadKind = {
  create: (namespace: string, name: string, spec: WorkloadSpec, options?: Signalled) => Promise<Workload>;
  get: (namespace: string, name: string, options?: Signalled) => Promise<Workload | null>;
  list: (namespace: string, options?: Signalled) => Promise<Workload[]>;
  /** Returns when it is gone. false: there was none. */
  delete: (namespace: string, name: string, options?: WaitOptions) => Promise<boolean>;
  pods: (namespace: string, name: string, options?: Signalled) => Promise<Execution[]>;
  /** Until all replicas of the newest template are there. @throws ClusterError Timeout, NotFound */
  waitAvailable: (namespace: string, name: string, options?: WaitOptions) => Promise<Workload>;
  getScale: (namespace: string, name: string, options?: Signalled) => Promise<number>;
  setScale: (namespace: string, name: string, replicas: number, options?: Signalled) => Promise<void>;
};

export type Workloads = {
  deployments: WorkloadKind;
  statefulSets: WorkloadKind;
  services: {
    create: (
      namespace: string,
      name: string,
      spec: ServiceSpec,
      options?: Signalled,
    ) => Promise<KubernetesObject>;
    get: (namespace: string, name: string, options?: Signalled) => Promise<KubernetesObject | null>;
    list: (namespace: string, options?: Signalled) => Promise<KubernetesObject[]>;
    delete: (namespace: string, name: string, options?: Signalled) => Promise<boolean>;
  };
  configMaps: {
    create: (
      namespace: string,
      name: string,
      data: Readonly<Record<string, string>>,
      options?: Signalled & { labels?: Readonly<Record<string, string>> },
    ) => Promise<KubernetesObject>;
    get: (namespace: string, name: string, options?: Signalled) => Promise<KubernetesObject | null>;
    /** Those that have all these labels. */
    list: (
      namespace: string,
      labels?: Readonly<Record<string, string>>,
      options?: Signalled,
    ) => Promise<KubernetesObject[]>;
    delete: (namespace: string, name: string, options?: Signalled) => Promise<boolean>;
  };
  /** Any object: a Kubeflow TFJob too, where its definition is there. */
  apply: (object: NewKubernetesObject, options?: ApplyOptions) => Promise<KubernetesObject>;
  patch: (
    kind: Kind,
    name: string,
    patch: unknown,
    options?: Signalled & { type?: PatchType },
  ) => Promise<KubernetesObject>;
  getPodLog: (namespace: string, pod: string, options?: LogOptions) => Promise<string>;
  followPodLog: (namespace: string, pod: string, options?: LogOptions) => AsyncGenerator<string>;
  exec: (
    namespace: string,
    pod: string,
    command: readonly string[],
    options?: ExecOptions,
  ) => Promise<ExecResult>;
  portForward: (namespace: string, pod: string, port: number, localPort?: number) => Promise<PortForwarding>;
};

export function createWorkloads(context: KubernetesContext): Workloads {
  const { objects } = context;
  const pods = (namespace: string): Kind => ({ apiVersion: 'v1', kind: 'Pod', namespace });
  const services = (namespace: string): Kind => ({ apiVersion: 'v1', kind: 'Service', namespace });
  const configMaps = (namespace: string): Kind => ({ apiVersion: 'v1', kind: 'ConfigMap', namespace });
  return {
    deployments: workloadKind(context, 'Deployment'),
    statefulSets: workloadKind(context, 'StatefulSet'),
    services: {
      create: (namespace, name, { selector, ports, type = 'ClusterIP', headless, labels }, options) =>
        objects.create(
          {
            apiVersion: 'v1',
            kind: 'Service',
            metadata: defined({ name, namespace, labels }),
            spec: { selector, ports, type, ...(headless && { clusterIP: 'None' }) },
          },
          options,
        ),
      get: (namespace, name, options) => objects.get(services(namespace), name, options),
      list: (namespace, options) => objects.list(services(namespace), options),
      delete: (namespace, name, options) => objects.delete(services(namespace), name, options),
    },
    configMaps: {
      create: (namespace, name, data, { labels, ...options } = {}) =>
        objects.create(
          { apiVersion: 'v1', kind: 'ConfigMap', metadata: defined({ name, namespace, labels }), data },
          options,
        ),
      get: (namespace, name, options) => objects.get(configMaps(namespace), name, options),
      list: (namespace, labels = {}, options = {}) =>
        objects.list(configMaps(namespace), { ...options, labelSelector: selectorText(labels) }),
      delete: (namespace, name, options) => objects.delete(configMaps(namespace), name, options),
    },
    apply: (object, options) => objects.apply(object, options),
    patch: (kind, name, patch, options) => objects.patch(kind, name, patch, options),
    getPodLog: (namespace, pod, options = {}) => readLog(context, pods(namespace), pod, options),
    followPodLog: (namespace, pod, options = {}) => followLog(context, pods(namespace), pod, options),
    exec: async (namespace, pod, command, options = {}) => {
      const object = await objects.get(pods(namespace), pod, { signal: options.signal });
      if (object === null) throw new ClusterError('NotFound', `there is no pod "${pod}" in ${namespace}`);
      const container = options.container ?? firstContainer(object) ?? '';
      return await execInPod(context, namespace, pod, container, command, options);
    },
    portForward: async (namespace, pod, port, localPort) => {
      const found = await objects.get(pods(namespace), pod);
      if (found === null) throw new ClusterError('NotFound', `there is no pod "${pod}" in ${namespace}`);
      return await forwardPort(context, namespace, pod, port, localPort);
    },
  };
}

type WorkloadShape = KubernetesObject & {
  spec?: {
    replicas?: number;
    selector?: { matchLabels?: Record<string, string> };
    template?: { spec?: { containers?: { image?: string }[] } };
  };
  status?: {
    observedGeneration?: number;
    replicas?: number;
    readyReplicas?: number;
    availableReplicas?: number;
    updatedReplicas?: number;
  };
};

function workloadKind({ objects }: KubernetesContext, kindName: 'Deployment' | 'StatefulSet'): WorkloadKind {
  const kind = (namespace: string): Kind => ({ apiVersion: 'apps/v1', kind: kindName, namespace });
  const require = async (namespace: string, name: string, options?: Signalled): Promise<WorkloadShape> => {
    const found = await objects.get(kind(namespace), name, options);
    if (found === null)
      throw new ClusterError('NotFound', `there is no ${kindName} "${name}" in ${namespace}`);
    return found as WorkloadShape;
  };
  return {
    create: async (namespace, name, spec, options) =>
      readWorkload(await objects.create(workloadObject(kindName, namespace, name, spec), options)),
    get: async (namespace, name, options) => {
      const found = await objects.get(kind(namespace), name, options);
      return found === null ? null : readWorkload(found);
    },
    list: async (namespace, options) => (await objects.list(kind(namespace), options)).map(readWorkload),
    delete: (namespace, name, options = {}) =>
      withDeadline(`delete ${kindName} ${name}`, options, async (signal) => {
        const there = await objects.delete(kind(namespace), name, { propagation: 'Foreground', signal });
        if (there) await createFollower(objects, kind(namespace)).untilGone(name, signal);
        return there;
      }),
    pods: async (namespace, name, options = {}) => {
      const { spec } = await require(namespace, name, options);
      const labelSelector = selectorText(spec?.selector?.matchLabels ?? {});
      const list = await objects.list(
        { apiVersion: 'v1', kind: 'Pod', namespace },
        { ...options, labelSelector },
      );
      return list.map((pod) => readExecution(pod));
    },
    waitAvailable: (namespace, name, options = {}) => {
      let last = '';
      return withDeadline(
        `${kindName} ${name} to be available`,
        options,
        (signal) =>
          createFollower(objects, kind(namespace)).until(
            name,
            (object) => {
              const { ready, replicas } = readWorkload(object);
              last = `${ready} of ${replicas} ready`;
              return isAvailable(object) ? readWorkload(object) : undefined;
            },
            signal,
          ),
        () => last,
      );
    },
    getScale: async (namespace, name, options) =>
      (await require(namespace, name, options)).spec?.replicas ?? 1,
    setScale: async (namespace, name, replicas, { signal } = {}) => {
      await objects.patch(kind(namespace), name, { spec: { replicas } }, { subresource: 'scale', signal });
    },
  };
}

function workloadObject(
  kind: string,
  namespace: string,
  name: string,
  spec: WorkloadSpec,
): NewKubernetesObject {
  if (!spec.image) throw new ClusterError('Invalid', `${kind} "${name}": image is missing`);
  const labels = { app: name, ...spec.labels };
  return {
    apiVersion: 'apps/v1',
    kind,
    metadata: defined({ name, namespace, labels, annotations: spec.annotations }),
    spec: defined({
      replicas: spec.replicas ?? 1,
      selector: { matchLabels: { app: name } },
      serviceName: kind === 'StatefulSet' ? (spec.serviceName ?? name) : undefined,
      template: {
        metadata: defined({ labels, annotations: spec.annotations }),
        spec: defined({
          nodeSelector: spec.nodeSelector,
          tolerations: spec.tolerations,
          volumes: spec.volumes,
          imagePullSecrets: spec.pullSecrets?.map((secret) => ({ name: secret })),
          containers: [
            defined({
              name,
              image: spec.image,
              ...commandLine(spec),
              imagePullPolicy: spec.pullPolicy,
              env: Object.entries(spec.env ?? {}).map(([key, value]) => ({ name: key, value })),
              ports: spec.ports?.map((containerPort) => ({ containerPort })),
              volumeMounts: spec.volumeMounts,
              resources: {
                limits: defined({ cpu: spec.cpuLimit, memory: spec.memLimit }),
                requests: defined({ cpu: spec.cpuRequest, memory: spec.memRequest }),
              },
            }),
          ],
        }),
      },
    }),
  };
}

function readWorkload(object: KubernetesObject): Workload {
  const { metadata, spec, status } = object as WorkloadShape;
  return {
    id: metadata.name,
    replicas: spec?.replicas ?? 1,
    ready: status?.readyReplicas ?? 0,
    available: status?.availableReplicas ?? 0,
    image: spec?.template?.spec?.containers?.[0]?.image ?? '',
    raw: object,
  };
}

/** The controller has seen the newest template, and nothing of an older one is left. */
function isAvailable(object: KubernetesObject): boolean {
  const { metadata, spec, status = {} } = object as WorkloadShape;
  const wanted = spec?.replicas ?? 1;
  const { observedGeneration = 0, replicas = 0, updatedReplicas = 0, readyReplicas = 0 } = status;
  const available = status.availableReplicas ?? readyReplicas;
  if (observedGeneration < (metadata.generation ?? 0)) return false;
  return updatedReplicas >= wanted && available >= wanted && replicas === wanted;
}

function selectorText(labels: Readonly<Record<string, string>>): string {
  return Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .join(',');
}
