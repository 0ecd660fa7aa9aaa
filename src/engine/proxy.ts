/** The host's proxy variables as a node gets them: what is inside the cluster is not asked of a proxy. */
import type { Environment } from '../process/environment.ts';

const NAMES = ['http_proxy', 'https_proxy', 'all_proxy'] as const;
// Of upstream's kubeadm-config.yaml, and the names of the cluster.
const CLUSTER = ['localhost', '127.0.0.1', '10.96.0.0/16', '10.244.0.0/16', '.svc', '.cluster.local'];

export type NodeProxy = {
  /** In both spellings, since programs differ in which they read. */
  variables: Environment;
  /** Names of those that cannot be reached from a node. */
  unreachable: string[];
};

/** `own`: names, addresses and subnets of the nodes, which are reached directly. */
export function nodeProxy(env: NodeJS.ProcessEnv, own: readonly string[]): NodeProxy {
  const variables: Environment = {};
  const unreachable: string[] = [];
  for (const name of NAMES) {
    const value = env[name] || env[name.toUpperCase()];
    if (value === undefined || value === '') {
      continue;
    }
    if (isLoopback(value)) {
      unreachable.push(name);
      continue;
    }
    variables[name] = value;
    variables[name.toUpperCase()] = value;
  }
  const { no_proxy = '', NO_PROXY = '' } = env;
  return {
    variables: { ...variables, ...directAccess({ ...variables, no_proxy, NO_PROXY }, own) },
    unreachable,
  };
}

/**
 * no_proxy and NO_PROXY with the cluster's names and networks and `own` added to what the site says; nothing where no proxy
 * is set. Programs differ in the spelling that they read, and in whether they know networks: addresses belong into `own` too.
 */
export function directAccess(env: NodeJS.ProcessEnv, own: readonly string[]): Environment {
  if (!NAMES.some((name) => env[name] || env[name.toUpperCase()])) {
    return {};
  }
  const given = (env.no_proxy || env.NO_PROXY || '').split(/[,\s]+/);
  const all = [...new Set([...given, ...CLUSTER, ...own])].filter((entry) => entry !== '').join(',');
  return { no_proxy: all, NO_PROXY: all };
}

/** In the node that address is the node itself. */
function isLoopback(proxy: string): boolean {
  const url = proxy.includes('://') ? proxy : `http://${proxy}`;
  const hostname = URL.canParse(url) ? new URL(url).hostname : '';
  return hostname === 'localhost' || hostname === '[::1]' || hostname.startsWith('127.');
}
