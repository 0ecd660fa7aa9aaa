import type { Fields } from './objects.ts';
import { allResourceTypes, groupVersionOf, type ResourceType } from './resource-types.ts';

const verbs = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'];

/** The answers under /api, /apis and /version; undefined for a path that is none of them. */
export function discoveryAnswer(pathname: string, aggregated: boolean, address: string): Fields | undefined {
  const parts = pathname.split('/').filter(Boolean);
  if (pathname === '/version' || pathname === '/version/') return version;
  if (parts[0] === 'api' && parts.length === 1) return aggregated ? aggregate(true) : apiVersions(address);
  if (parts[0] === 'apis' && parts.length === 1) return aggregated ? aggregate(false) : groupList();
  if (parts[0] === 'api' && parts.length === 2) return resourceList('', parts[1] ?? '');
  if (parts[0] === 'apis' && parts.length === 2) return groups().find((group) => group.name === parts[1]);
  if (parts[0] === 'apis' && parts.length === 3) return resourceList(parts[1] ?? '', parts[2] ?? '');
  return undefined;
}

const version = {
  major: '1',
  minor: '34',
  emulationMajor: '1',
  emulationMinor: '34',
  minCompatibilityMajor: '1',
  minCompatibilityMinor: '33',
  gitVersion: 'v1.34.2',
  gitCommit: '8cc511e399b929453cd98ae65b419c3cc227ec79',
  gitTreeState: 'clean',
  buildDate: '2025-11-11T19:06:55Z',
  goVersion: 'go1.24.9',
  compiler: 'gc',
  platform: 'linux/amd64',
};

function apiVersions(address: string): Fields {
  return {
    kind: 'APIVersions',
    versions: ['v1'],
    serverAddressByClientCIDRs: [{ clientCIDR: '0.0.0.0/0', serverAddress: address }],
  };
}

function groupList(): Fields {
  return { kind: 'APIGroupList', apiVersion: 'v1', groups: groups() };
}

function groups(): Fields[] {
  return groupNames().map((name) => {
    const version = { groupVersion: `${name}/v1`, version: 'v1' };
    return { kind: 'APIGroup', apiVersion: 'v1', name, versions: [version], preferredVersion: version };
  });
}

function groupNames(): string[] {
  return [...new Set(allResourceTypes.map((type) => type.group))].filter((name) => name !== '');
}

function resourceList(group: string, version: string): Fields | undefined {
  const types = allResourceTypes.filter((type) => type.group === group && type.version === version);
  const [first] = types;
  if (first === undefined) return undefined;
  return {
    kind: 'APIResourceList',
    apiVersion: 'v1',
    groupVersion: groupVersionOf(first),
    resources: types.flatMap(resourceEntries),
  };
}

function resourceEntries(type: ResourceType): Fields[] {
  const entry = {
    name: type.plural,
    singularName: type.singular,
    namespaced: type.namespaced,
    kind: type.kind,
    verbs,
    ...(type.shortNames.length > 0 && { shortNames: type.shortNames }),
    ...(type.categories.length > 0 && { categories: type.categories }),
  };
  const status = {
    name: `${type.plural}/status`,
    singularName: '',
    namespaced: type.namespaced,
    kind: type.kind,
    verbs: ['get', 'patch', 'update'],
  };
  return type.status ? [entry, status] : [entry];
}

/** apidiscovery.k8s.io/v2: every group in one answer. */
function aggregate(core: boolean): Fields {
  return {
    kind: 'APIGroupDiscoveryList',
    apiVersion: 'apidiscovery.k8s.io/v2',
    metadata: {},
    items: (core ? [''] : groupNames()).map((name) => ({
      metadata: { ...(name !== '' && { name }), creationTimestamp: null },
      versions: [
        {
          version: 'v1',
          freshness: 'Current',
          resources: allResourceTypes.filter((type) => type.group === name).map(aggregatedEntry),
        },
      ],
    })),
  };
}

function aggregatedEntry(type: ResourceType): Fields {
  const responseKind = { group: type.group, version: type.version, kind: type.kind };
  return {
    resource: type.plural,
    responseKind,
    scope: type.namespaced ? 'Namespaced' : 'Cluster',
    singularResource: type.singular,
    verbs,
    ...(type.shortNames.length > 0 && { shortNames: type.shortNames }),
    ...(type.categories.length > 0 && { categories: type.categories }),
    ...(type.status && {
      subresources: [{ subresource: 'status', responseKind, verbs: ['get', 'patch', 'update'] }],
    }),
  };
}
