/** Which path a kind of object has: asked from the server, once for each group and version. */
import { ClusterError } from '../errors.ts';
import type { HttpClient } from '../http.ts';

export type Resource = {
  apiVersion: string;
  kind: string;
  plural: string;
  namespaced: boolean;
  /** `/api/v1` or `/apis/GROUP/VERSION`. */
  base: string;
};

export type Discovery = {
  /** @throws ClusterError Unsupported when the cluster has no such kind */
  resource: (apiVersion: string, kind: string, signal?: AbortSignal) => Promise<Resource>;
};

type Listed = { name: string; kind: string; namespaced: boolean };

/**
 * Kinds that every cluster has need no question: that saves the first request of each program.
 * https://kubernetes.io/docs/reference/kubernetes-api/
 */
const WELL_KNOWN: Readonly<
  Record<string, readonly (readonly [kind: string, plural: string, namespaced?: boolean])[]>
> = {
  v1: [
    ['Pod', 'pods'],
    ['Namespace', 'namespaces', false],
    ['Node', 'nodes', false],
    ['Event', 'events'],
    ['Service', 'services'],
    ['ConfigMap', 'configmaps'],
    ['Secret', 'secrets'],
    ['ServiceAccount', 'serviceaccounts'],
    ['ResourceQuota', 'resourcequotas'],
  ],
  'batch/v1': [['Job', 'jobs']],
  'apps/v1': [
    ['Deployment', 'deployments'],
    ['StatefulSet', 'statefulsets'],
  ],
};

export function createDiscovery(http: HttpClient): Discovery {
  const lists = new Map<string, Promise<readonly Listed[]>>();
  const listOf = (apiVersion: string, signal: AbortSignal | undefined) => {
    const known = lists.get(apiVersion);
    if (known !== undefined) return known;
    const asked = readList(http, apiVersion, signal);
    lists.set(apiVersion, asked);
    // What failed is asked again; and a definition may come later.
    asked.catch(() => lists.delete(apiVersion));
    return asked;
  };
  return {
    resource: async (apiVersion, kind, signal) => {
      const known = WELL_KNOWN[apiVersion]?.find(([name]) => name === kind);
      if (known !== undefined) {
        const [, plural, namespaced = true] = known;
        return { apiVersion, kind, plural, namespaced, base: baseOf(apiVersion) };
      }
      const find = async () => (await listOf(apiVersion, signal)).find((each) => each.kind === kind);
      let found = await find();
      if (found === undefined) {
        lists.delete(apiVersion);
        found = await find();
      }
      if (found === undefined) throw unknownKind(apiVersion, kind);
      return { apiVersion, kind, plural: found.name, namespaced: found.namespaced, base: baseOf(apiVersion) };
    },
  };
}

async function readList(
  http: HttpClient,
  apiVersion: string,
  signal: AbortSignal | undefined,
): Promise<readonly Listed[]> {
  try {
    const answer = await http.send({
      method: 'GET',
      path: baseOf(apiVersion),
      what: `discover ${apiVersion}`,
      signal,
    });
    const { resources = [] } = answer as { resources?: Listed[] };
    return resources.filter(({ name }) => !name.includes('/'));
  } catch (error) {
    if (ClusterError.isCluster(error, 'NotFound')) throw unknownKind(apiVersion);
    throw error;
  }
}

function unknownKind(apiVersion: string, kind?: string): ClusterError {
  const what = kind === undefined ? `API ${apiVersion}` : `kind ${kind} in ${apiVersion}`;
  return new ClusterError('Unsupported', `the cluster has no ${what}`, {
    remedy: 'apply its CustomResourceDefinition first, or check apiVersion and kind: kubectl api-resources',
  });
}

function baseOf(apiVersion: string): string {
  return apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
}
