import type { Fields } from './objects.ts';
import { groupVersionOf, type ResourceType } from './resource-types.ts';

const verbs = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'];

/** The answers under /api, /apis and /version; undefined for a path that is none of them. */
export function discoveryAnswer(
  types: readonly ResourceType[],
  pathname: string,
  aggregated: boolean,
  address: string,
): Fields | undefined {
  const parts = pathname.split('/').filter(Boolean);
  if (pathname === '/version' || pathname === '/version/') return version;
  if (parts[0] === 'api' && parts.length === 1)
    return aggregated ? aggregate(types, ['']) : apiVersions(address);
  if (parts[0] === 'apis' && parts.length === 1) {
    return aggregated ? aggregate(types, groupNames(types)) : groupList(types);
  }
  if (parts[0] === 'api' && parts.length === 2) return resourceList(types, '', parts[1] ?? '');
  if (parts[0] === 'apis' && parts.length === 2) return groups(types).find(({ name }) => name === parts[1]);
  if (parts[0] === 'apis' && parts.length === 3) return resourceList(types, parts[1] ?? '', parts[2] ?? '');
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

function groupList(types: readonly ResourceType[]): Fields {
  return { kind: 'APIGroupList', apiVersion: 'v1', groups: groups(types) };
}

function groups(types: readonly ResourceType[]): Fields[] {
  return groupNames(types).map((name) => {
    const versions = versionsOf(types, name).map((version) => ({
      groupVersion: `${name}/${version}`,
      version,
    }));
    return { kind: 'APIGroup', apiVersion: 'v1', name, versions, preferredVersion: versions[0] };
  });
}

function groupNames(types: readonly ResourceType[]): string[] {
  return [...new Set(types.map((type) => type.group))].filter((name) => name !== '');
}

/** The served versions of a group, a stable one first. */
function versionsOf(types: readonly ResourceType[], group: string): string[] {
  const versions = new Set(types.filter((type) => type.group === group).map((type) => type.version));
  const stability = (version: string) => (/(alpha|beta)/.exec(version)?.[1] ?? 'z') + version;
  return [...versions].sort((a, b) => (stability(a) < stability(b) ? 1 : -1));
}

function resourceList(all: readonly ResourceType[], group: string, version: string): Fields | undefined {
  const types = all.filter((type) => type.group === group && type.version === version);
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
  const subresources = subresourcesOf(type).map(({ name, kind, verbs }) => ({
    name: `${type.plural}/${name}`,
    singularName: '',
    namespaced: type.namespaced,
    ...kind,
    verbs,
  }));
  return [entry, ...subresources];
}

interface Subresource {
  name: string;
  kind: { group?: string; version?: string; kind: string };
  verbs: string[];
}

function subresourcesOf(type: ResourceType): Subresource[] {
  const status = { name: 'status', kind: { kind: type.kind }, verbs: ['get', 'patch', 'update'] };
  const scale = {
    name: 'scale',
    kind: { group: 'autoscaling', version: 'v1', kind: 'Scale' },
    verbs: ['get', 'patch', 'update'],
  };
  const others = (type.subresources ?? []).map((name) => ({
    name,
    kind: { kind: type.kind },
    verbs: name === 'log' ? ['get'] : ['create', 'get'],
  }));
  return [...(type.status ? [status] : []), ...(type.scale ? [scale] : []), ...others];
}

/** apidiscovery.k8s.io/v2: every group in one answer. */
function aggregate(types: readonly ResourceType[], names: readonly string[]): Fields {
  return {
    kind: 'APIGroupDiscoveryList',
    apiVersion: 'apidiscovery.k8s.io/v2',
    metadata: {},
    items: names.map((name) => ({
      metadata: { ...(name !== '' && { name }), creationTimestamp: null },
      versions: versionsOf(types, name).map((version) => ({
        version,
        freshness: 'Current',
        resources: types
          .filter((type) => type.group === name && type.version === version)
          .map(aggregatedEntry),
      })),
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
    ...(subresourcesOf(type).length > 0 && {
      subresources: subresourcesOf(type).map(({ name, kind, verbs }) => ({
        subresource: name,
        responseKind: { ...responseKind, ...kind },
        verbs,
      })),
    }),
  };
}
