/** One kind of object that the API server knows. */
export interface ResourceType {
  group: string;
  version: string;
  kind: string;
  plural: string;
  singular: string;
  shortNames: string[];
  categories: string[];
  namespaced: boolean;
  /** Whether /status is a subresource. */
  status: boolean;
  /** Where /scale reads and writes, as dotted paths; none: there is no /scale. */
  scale?: ScalePaths;
  /** Other subresources, as discovery tells them. */
  subresources?: readonly string[];
  /** Another served version of a custom resource, which is stored in this one. */
  storedAs?: ResourceType;
  /** Whether a custom resource definition has declared it. */
  custom?: boolean;
}

/** The paths of a scale subresource: `.spec.replicas` and so on. */
export interface ScalePaths {
  replicas: string;
  statusReplicas: string;
  selector: string;
}

const workloadScale: ScalePaths = {
  replicas: '.spec.replicas',
  statusReplicas: '.status.replicas',
  selector: '.spec.selector',
};

interface Options {
  short?: string[];
  all?: boolean;
  cluster?: boolean;
  status?: boolean;
  scale?: boolean;
  subresources?: string[];
}

function type(groupVersion: string, kind: string, plural: string, options: Options = {}): ResourceType {
  const [group = '', version = ''] = groupVersion.includes('/')
    ? groupVersion.split('/')
    : ['', groupVersion];
  return {
    group,
    version,
    kind,
    plural,
    singular: kind.toLowerCase(),
    shortNames: options.short ?? [],
    categories: options.all ? ['all'] : [],
    namespaced: !options.cluster,
    status: options.status ?? false,
    ...(options.scale && { scale: workloadScale }),
    ...(options.subresources && { subresources: options.subresources }),
  };
}

/** Everything that can be stored. */
export const resourceTypes = {
  configMaps: type('v1', 'ConfigMap', 'configmaps', { short: ['cm'] }),
  endpoints: type('v1', 'Endpoints', 'endpoints', { short: ['ep'] }),
  events: type('v1', 'Event', 'events', { short: ['ev'] }),
  limitRanges: type('v1', 'LimitRange', 'limitranges', { short: ['limits'] }),
  namespaces: type('v1', 'Namespace', 'namespaces', { short: ['ns'], cluster: true, status: true }),
  nodes: type('v1', 'Node', 'nodes', { short: ['no'], cluster: true, status: true }),
  persistentVolumeClaims: type('v1', 'PersistentVolumeClaim', 'persistentvolumeclaims', {
    short: ['pvc'],
    status: true,
  }),
  persistentVolumes: type('v1', 'PersistentVolume', 'persistentvolumes', {
    short: ['pv'],
    cluster: true,
    status: true,
  }),
  pods: type('v1', 'Pod', 'pods', {
    short: ['po'],
    all: true,
    status: true,
    subresources: ['log', 'exec', 'attach', 'portforward', 'binding', 'eviction'],
  }),
  replicationControllers: type('v1', 'ReplicationController', 'replicationcontrollers', {
    short: ['rc'],
    all: true,
    status: true,
  }),
  resourceQuotas: type('v1', 'ResourceQuota', 'resourcequotas', { short: ['quota'], status: true }),
  secrets: type('v1', 'Secret', 'secrets'),
  serviceAccounts: type('v1', 'ServiceAccount', 'serviceaccounts', {
    short: ['sa'],
    subresources: ['token'],
  }),
  services: type('v1', 'Service', 'services', { short: ['svc'], all: true, status: true }),
  customResourceDefinitions: type(
    'apiextensions.k8s.io/v1',
    'CustomResourceDefinition',
    'customresourcedefinitions',
    { short: ['crd', 'crds'], cluster: true, status: true },
  ),
  controllerRevisions: type('apps/v1', 'ControllerRevision', 'controllerrevisions'),
  daemonSets: type('apps/v1', 'DaemonSet', 'daemonsets', { short: ['ds'], all: true, status: true }),
  deployments: type('apps/v1', 'Deployment', 'deployments', {
    short: ['deploy'],
    all: true,
    status: true,
    scale: true,
  }),
  replicaSets: type('apps/v1', 'ReplicaSet', 'replicasets', {
    short: ['rs'],
    all: true,
    status: true,
    scale: true,
  }),
  statefulSets: type('apps/v1', 'StatefulSet', 'statefulsets', {
    short: ['sts'],
    all: true,
    status: true,
    scale: true,
  }),
  cronJobs: type('batch/v1', 'CronJob', 'cronjobs', { short: ['cj'], all: true, status: true }),
  jobs: type('batch/v1', 'Job', 'jobs', { all: true, status: true }),
  signingRequests: type('certificates.k8s.io/v1', 'CertificateSigningRequest', 'certificatesigningrequests', {
    short: ['csr'],
    cluster: true,
    status: true,
  }),
  ingresses: type('networking.k8s.io/v1', 'Ingress', 'ingresses', { short: ['ing'], status: true }),
  networkPolicies: type('networking.k8s.io/v1', 'NetworkPolicy', 'networkpolicies', { short: ['netpol'] }),
  podDisruptionBudgets: type('policy/v1', 'PodDisruptionBudget', 'poddisruptionbudgets', {
    short: ['pdb'],
    status: true,
  }),
  priorityClasses: type('scheduling.k8s.io/v1', 'PriorityClass', 'priorityclasses', {
    short: ['pc'],
    cluster: true,
  }),
  leases: type('coordination.k8s.io/v1', 'Lease', 'leases'),
  endpointSlices: type('discovery.k8s.io/v1', 'EndpointSlice', 'endpointslices'),
  clusterRoleBindings: type('rbac.authorization.k8s.io/v1', 'ClusterRoleBinding', 'clusterrolebindings', {
    cluster: true,
  }),
  clusterRoles: type('rbac.authorization.k8s.io/v1', 'ClusterRole', 'clusterroles', { cluster: true }),
  roleBindings: type('rbac.authorization.k8s.io/v1', 'RoleBinding', 'rolebindings'),
  roles: type('rbac.authorization.k8s.io/v1', 'Role', 'roles'),
  storageClasses: type('storage.k8s.io/v1', 'StorageClass', 'storageclasses', {
    short: ['sc'],
    cluster: true,
  }),
} as const satisfies Record<string, ResourceType>;

export const allResourceTypes: readonly ResourceType[] = Object.values(resourceTypes);

/** "v1" or "apps/v1". */
export function groupVersionOf(type: { group: string; version: string }): string {
  return type.group === '' ? type.version : `${type.group}/${type.version}`;
}

export function findResourceType(
  types: readonly ResourceType[],
  group: string,
  version: string,
  plural: string,
): ResourceType | undefined {
  return types.find(
    (candidate) => candidate.group === group && candidate.version === version && candidate.plural === plural,
  );
}
