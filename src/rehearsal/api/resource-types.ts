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
}

interface Options {
  short?: string[];
  all?: boolean;
  cluster?: boolean;
  status?: boolean;
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
  pods: type('v1', 'Pod', 'pods', { short: ['po'], all: true, status: true }),
  secrets: type('v1', 'Secret', 'secrets'),
  serviceAccounts: type('v1', 'ServiceAccount', 'serviceaccounts', { short: ['sa'] }),
  services: type('v1', 'Service', 'services', { short: ['svc'], all: true, status: true }),
  daemonSets: type('apps/v1', 'DaemonSet', 'daemonsets', { short: ['ds'], all: true, status: true }),
  deployments: type('apps/v1', 'Deployment', 'deployments', { short: ['deploy'], all: true, status: true }),
  replicaSets: type('apps/v1', 'ReplicaSet', 'replicasets', { short: ['rs'], all: true, status: true }),
  statefulSets: type('apps/v1', 'StatefulSet', 'statefulsets', { short: ['sts'], all: true, status: true }),
  cronJobs: type('batch/v1', 'CronJob', 'cronjobs', { short: ['cj'], all: true, status: true }),
  jobs: type('batch/v1', 'Job', 'jobs', { all: true, status: true }),
  signingRequests: type('certificates.k8s.io/v1', 'CertificateSigningRequest', 'certificatesigningrequests', {
    short: ['csr'],
    cluster: true,
    status: true,
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

export function findResourceType(group: string, version: string, plural: string): ResourceType | undefined {
  return allResourceTypes.find(
    (candidate) => candidate.group === group && candidate.version === version && candidate.plural === plural,
  );
}
