/** What a command that works in the cluster finds in its environment; and the same by name. */
import { existsSync } from 'node:fs';
import which from 'which';
import { directAccess } from '../engine/proxy.ts';
import { UnetError } from '../errors.ts';
import type { JobPaths } from '../job/layout.ts';
import type { JobState } from '../job/state.ts';
import { serverUrl } from '../kubernetes/server-url.ts';
import { searchPath } from '../process/environment.ts';

/**
 * All that a command in the cluster gets beside its environment `env`: KUBECONFIG and UNET_JOB_*, a PATH with the pack's kubectl,
 * and a no_proxy that keeps a site's proxy away from the cluster; see docs/commands.md.
 *
 * @throws UnetError UNET_NO_CLUSTER while the cluster has no kubeconfig.
 */
export function commandVariables(
  state: JobState,
  paths: JobPaths,
  env: NodeJS.ProcessEnv,
): Record<string, string> {
  return {
    ...clusterVariables(state, paths),
    ...kubectlVariables(paths, env),
    ...directAccess(env, clusterHosts(state)),
  };
}

function clusterHosts({ apiServer, nodes }: JobState): string[] {
  const hosts = nodes.flatMap(({ name, nodeName, address }) => [name, nodeName, address]);
  return [apiServer?.address, ...hosts].filter((host) => host !== undefined);
}

/** KUBECONFIG and UNET_JOB_*. */
export function clusterVariables(state: JobState, paths: JobPaths): Record<string, string> {
  if (state.kubeconfig === undefined || state.apiServer === undefined) {
    throw new UnetError(
      'UNET_NO_CLUSTER',
      `the cluster of ${state.jobId} is still ${state.phase}: it has no kubeconfig yet`,
      {
        remedy: 'wait for "unet up", or look with "unet status"',
      },
    );
  }
  return {
    KUBECONFIG: state.kubeconfig,
    UNET_JOB_ID: state.jobId,
    UNET_JOB_DIRECTORY: paths.directory,
    UNET_JOB_LEAD: state.lead,
    UNET_JOB_NODES: readyNodes(state).join(' '),
    UNET_JOB_API_SERVER: serverUrl(state.apiServer),
  };
}

/** PATH, also where there was none; behind everything else on it the pack's kubectl for those who have none. */
function kubectlVariables(paths: JobPaths, env: NodeJS.ProcessEnv): Record<string, string> {
  const path = searchPath(env);
  const needed = existsSync(paths.kubectl) && which.sync('kubectl', { path, nothrow: true }) === null;
  const wanted = needed ? `${path}:${paths.bin}` : path;
  return wanted === env.PATH ? {} : { PATH: wanted };
}

const ATTRIBUTE_READERS = {
  kubeconfig: (state) => state.kubeconfig,
  'api-server': (state) => state.apiServer && serverUrl(state.apiServer),
  phase: (state) => state.phase,
  lead: (state) => state.lead,
  nodes: (state) => readyNodes(state).join(' '),
  ports: (state) => state.ports && shownPorts(state.ports),
  'job-id': (state) => state.jobId,
  'job-dir': (_, paths) => paths.directory,
  logs: (_, paths) => paths.logs,
  release: (state) => state.release,
  supervisor: (state) => `${state.supervisor.host} ${state.supervisor.pid}`,
} satisfies Record<string, (state: JobState, paths: JobPaths) => string | undefined>;

export type Attribute = keyof typeof ATTRIBUTE_READERS;
export const ATTRIBUTES = Object.keys(ATTRIBUTE_READERS) as Attribute[];

/** A single value for scripts. @throws UnetError UNET_NO_CLUSTER while the cluster does not have it yet. */
export function attribute(name: Attribute, state: JobState, paths: JobPaths): string {
  const value = ATTRIBUTE_READERS[name](state, paths);
  if (value === undefined) {
    throw new UnetError(
      'UNET_NO_CLUSTER',
      `the cluster of ${state.jobId} is still ${state.phase}: it has no ${name} yet`,
    );
  }
  return value;
}

/** Of the lead; the others have the same, unless several of them are on one host. */
function shownPorts({ etcd, kubelet, flannel, apiServer }: NonNullable<JobState['ports']>): string {
  return `etcd=${etcd} kubelet=${kubelet} flannel=${flannel} api-server=${apiServer}`;
}

function readyNodes(state: JobState): string[] {
  return state.nodes.filter(({ phase }) => phase === 'ready').map(({ name }) => name);
}
