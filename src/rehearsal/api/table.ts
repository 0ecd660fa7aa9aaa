import { at, type Fields, isFields, type KubeObject, listAt, textAt } from './objects.ts';
import { type ResourceType, resourceTypes } from './resource-types.ts';

interface Column {
  name: string;
  cell: (object: KubeObject) => string | number;
  /** Only with -o wide. */
  wide?: boolean;
}

/** How much of each object a row carries (?includeObject=). */
export type IncludedObject = 'None' | 'Metadata' | 'Object';

/** Makes the Table that kubectl prints. */
export function toTable(
  type: ResourceType,
  objects: readonly KubeObject[],
  resourceVersion: string | undefined,
  include: IncludedObject,
  version: string,
): Fields {
  const columns = columnsOf(type);
  return {
    kind: 'Table',
    apiVersion: `meta.k8s.io/${version}`,
    metadata: { ...(resourceVersion !== undefined && { resourceVersion }) },
    columnDefinitions: columns.map(({ name, wide }) => ({
      name,
      type: 'string',
      format: name === 'Name' ? 'name' : '',
      description: '',
      priority: wide ? 1 : 0,
    })),
    rows: objects.map((object) => ({
      cells: columns.map(({ cell }) => cell(object)),
      ...(include !== 'None' && { object: include === 'Object' ? object : partial(object, version) }),
    })),
  };
}

function partial(object: KubeObject, version: string): Fields {
  return { kind: 'PartialObjectMetadata', apiVersion: `meta.k8s.io/${version}`, metadata: object.metadata };
}

const name: Column = { name: 'Name', cell: (object) => object.metadata.name };
const age: Column = { name: 'Age', cell: (object) => ageOf(object.metadata.creationTimestamp) };
const none = '<none>';
const text = (name: string, ...path: string[]): Column => ({
  name,
  cell: (object) => textAt(object, ...path) || none,
});
const wide = (column: Column): Column => ({ ...column, wide: true });
const dataCount: Column = {
  name: 'Data',
  cell: (object) => Object.keys((object.data as object) ?? {}).length,
};

const columns = new Map<ResourceType, Column[]>([
  [
    resourceTypes.nodes,
    [
      name,
      { name: 'Status', cell: nodeStatus },
      { name: 'Roles', cell: nodeRoles },
      age,
      text('Version', 'status', 'nodeInfo', 'kubeletVersion'),
      wide({ name: 'Internal-IP', cell: (node) => nodeAddress(node, 'InternalIP') }),
      wide({ name: 'External-IP', cell: (node) => nodeAddress(node, 'ExternalIP') }),
      wide(text('OS-Image', 'status', 'nodeInfo', 'osImage')),
      wide(text('Kernel-Version', 'status', 'nodeInfo', 'kernelVersion')),
      wide(text('Container-Runtime', 'status', 'nodeInfo', 'containerRuntimeVersion')),
    ],
  ],
  [
    resourceTypes.pods,
    [
      name,
      { name: 'Ready', cell: podReady },
      { name: 'Status', cell: podStatus },
      { name: 'Restarts', cell: () => 0 },
      age,
      wide(text('IP', 'status', 'podIP')),
      wide(text('Node', 'spec', 'nodeName')),
      wide({ name: 'Nominated Node', cell: () => none }),
      wide({ name: 'Readiness Gates', cell: () => none }),
    ],
  ],
  [resourceTypes.configMaps, [name, dataCount, age]],
  [resourceTypes.secrets, [name, text('Type', 'type'), dataCount, age]],
  [resourceTypes.namespaces, [name, text('Status', 'status', 'phase'), age]],
  [
    resourceTypes.services,
    [
      name,
      text('Type', 'spec', 'type'),
      text('Cluster-IP', 'spec', 'clusterIP'),
      { name: 'External-IP', cell: () => none },
      { name: 'Port(s)', cell: servicePorts },
      age,
      wide({ name: 'Selector', cell: (service) => pairs(at(service, 'spec', 'selector')) }),
    ],
  ],
  [
    resourceTypes.events,
    [
      {
        name: 'Last Seen',
        cell: (event) => ageOf(textAt(event, 'lastTimestamp') || event.metadata.creationTimestamp),
      },
      text('Type', 'type'),
      text('Reason', 'reason'),
      {
        name: 'Object',
        cell: (event) =>
          `${textAt(event, 'involvedObject', 'kind').toLowerCase()}/${textAt(event, 'involvedObject', 'name')}`,
      },
      text('Message', 'message'),
    ],
  ],
  [
    resourceTypes.deployments,
    [
      name,
      {
        name: 'Ready',
        cell: (d) =>
          `${Number(at(d, 'status', 'readyReplicas') ?? 0)}/${Number(at(d, 'spec', 'replicas') ?? 1)}`,
      },
      { name: 'Up-to-date', cell: (d) => Number(at(d, 'status', 'updatedReplicas') ?? 0) },
      { name: 'Available', cell: (d) => Number(at(d, 'status', 'availableReplicas') ?? 0) },
      age,
    ],
  ],
  [
    resourceTypes.daemonSets,
    [
      name,
      ...(
        [
          'desiredNumberScheduled',
          'currentNumberScheduled',
          'numberReady',
          'updatedNumberScheduled',
          'numberAvailable',
        ] as const
      ).map(
        (field, i): Column => ({
          name: ['Desired', 'Current', 'Ready', 'Up-to-date', 'Available'][i] ?? field,
          cell: (set) => Number(at(set, 'status', field) ?? 0),
        }),
      ),
      { name: 'Node Selector', cell: (set) => pairs(at(set, 'spec', 'template', 'spec', 'nodeSelector')) },
      age,
    ],
  ],
  [
    resourceTypes.signingRequests,
    [
      name,
      age,
      text('SignerName', 'spec', 'signerName'),
      text('Requestor', 'spec', 'username'),
      { name: 'RequestedDuration', cell: () => none },
      {
        name: 'Condition',
        cell: (csr) =>
          [
            ...listAt(csr, 'status', 'conditions').map((c) => textAt(c, 'type')),
            ...(textAt(csr, 'status', 'certificate') ? ['Issued'] : []),
          ].join(',') || 'Pending',
      },
    ],
  ],
  [resourceTypes.leases, [name, text('Holder', 'spec', 'holderIdentity'), age]],
  [resourceTypes.endpoints, [name, { name: 'Endpoints', cell: endpointAddresses }, age]],
]);

function columnsOf(type: ResourceType): Column[] {
  return columns.get(type) ?? [name, age];
}

function nodeStatus(node: KubeObject): string {
  const ready = listAt(node, 'status', 'conditions').find((condition) => condition.type === 'Ready');
  const status = ready?.status === 'True' ? 'Ready' : ready === undefined ? 'Unknown' : 'NotReady';
  return at(node, 'spec', 'unschedulable') === true ? `${status},SchedulingDisabled` : status;
}

function nodeRoles(node: KubeObject): string {
  const prefix = 'node-role.kubernetes.io/';
  const roles = Object.keys(node.metadata.labels ?? {}).filter((label) => label.startsWith(prefix));
  return (
    roles
      .map((label) => label.slice(prefix.length))
      .sort()
      .join(',') || none
  );
}

function nodeAddress(node: KubeObject, type: string): string {
  const found = listAt(node, 'status', 'addresses').find((address) => address.type === type);
  return textAt(found, 'address') || none;
}

function podReady(pod: KubeObject): string {
  const ready = listAt(pod, 'status', 'containerStatuses').filter((status) => status.ready === true).length;
  return `${ready}/${listAt(pod, 'spec', 'containers').length}`;
}

function podStatus(pod: KubeObject): string {
  const waiting = listAt(pod, 'status', 'containerStatuses').map((status) =>
    textAt(status, 'state', 'waiting', 'reason'),
  );
  return waiting.find((reason) => reason !== '') ?? (textAt(pod, 'status', 'phase') || 'Pending');
}

function servicePorts(service: KubeObject): string {
  return (
    listAt(service, 'spec', 'ports')
      .map((port) => `${port.port}/${port.protocol ?? 'TCP'}`)
      .join(',') || none
  );
}

function endpointAddresses(endpoints: KubeObject): string {
  const pairs = listAt(endpoints, 'subsets').flatMap((subset) =>
    listAt(subset, 'addresses').flatMap((address) =>
      listAt(subset, 'ports').map((port) => `${address.ip}:${port.port}`),
    ),
  );
  return pairs.length > 3
    ? `${pairs.slice(0, 3).join(',')} + ${pairs.length - 3} more...`
    : pairs.join(',') || none;
}

function pairs(value: unknown): string {
  if (!isFields(value)) return none;
  return (
    Object.entries(value)
      .map(([key, entry]) => `${key}=${entry}`)
      .join(',') || none
  );
}

/** "24s", "5m", "3h", "2d", as kubectl abbreviates. */
function ageOf(created: string | undefined): string {
  if (created === undefined) return '<unknown>';
  const seconds = Math.max(0, Math.floor((Date.now() - Date.parse(created)) / 1000));
  if (seconds < 120) return `${seconds}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 10) return seconds % 60 === 0 ? `${minutes}m` : `${minutes}m${seconds % 60}s`;
  if (minutes < 180) return `${minutes}m`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours}h` : `${Math.floor(hours / 24)}d`;
}
