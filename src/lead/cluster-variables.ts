/** What a command that works in the cluster finds in its environment; and the same by name. */
import { existsSync } from 'node:fs';
import which from 'which';
import { didYouMean } from '../config/suggest.ts';
import { UnetError } from '../errors.ts';
import type { JobPaths } from '../job/layout.ts';
import type { JobState } from '../job/state.ts';
import { serverUrl } from '../kubernetes/kubeconfig.ts';

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

/** The pack's kubectl for those who have none: behind everything else on PATH. */
export function kubectlVariables(
  paths: JobPaths,
  { PATH: path = '' }: NodeJS.ProcessEnv,
): Record<string, string> {
  const needed = existsSync(paths.kubectl) && which.sync('kubectl', { path, nothrow: true }) === null;
  return needed ? { PATH: path === '' ? paths.bin : `${path}:${paths.bin}` } : {};
}

/** Single values for scripts. @throws UnetError UNET_USAGE for a name that does not exist. */
export function attribute(name: string, state: JobState, paths: JobPaths): string {
  const attributes: Record<string, () => string | undefined> = {
    kubeconfig: () => state.kubeconfig,
    'api-server': () => state.apiServer && serverUrl(state.apiServer),
    phase: () => state.phase,
    lead: () => state.lead,
    nodes: () => readyNodes(state).join(' '),
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

function readyNodes(state: JobState): string[] {
  return state.nodes.filter(({ phase }) => phase === 'ready').map(({ name }) => name);
}
