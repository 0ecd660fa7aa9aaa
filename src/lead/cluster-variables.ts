/** What a command that works in the cluster finds in its environment; and the same by name. */
import { didYouMean } from '../config/suggest.ts';
import { UnetError } from '../errors.ts';
import type { JobPaths } from '../job/layout.ts';
import type { JobState } from '../job/state.ts';
import { serverUrl } from '../kubernetes/server-url.ts';

/** KUBECONFIG and UNET_JOB_*; see docs/commands.md. */
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

/** Single values for scripts. @throws UnetError UNET_USAGE for a name that does not exist. */
export function attribute(name: string, state: JobState, paths: JobPaths): string {
  const attributes: Record<string, () => string | undefined> = {
    kubeconfig: () => state.kubeconfig,
    'api-server': () => state.apiServer && serverUrl(state.apiServer),
    phase: () => state.phase,
    lead: () => state.lead,
    nodes: () => readyNodes(state).join(' '),
    ports: () => state.ports && shownPorts(state.ports),
    'job-id': () => state.jobId,
    'job-dir': () => paths.directory,
    logs: () => paths.logs,
    release: () => state.release,
    supervisor: () => `${state.supervisor.host} ${state.supervisor.pid}`,
  };
  const read = attributes[name];
  if (read === undefined) {
    const names = Object.keys(attributes);
    throw new UnetError(
      'UNET_USAGE',
      `unknown attribute ${name}${didYouMean(name, names) || `; there are ${names.join(', ')}`}`,
    );
  }
  const value = read();
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
