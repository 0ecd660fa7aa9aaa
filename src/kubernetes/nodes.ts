/**
 * The nodes as the API shows them. Each one that registers gets its external address, its CNI annotation and its
 * taint removed at once: what upstream's sync-external-ip does in a row with several kubectl calls a node.
 */

import {
  CoreV1Api as Core,
  type CoreV1Api,
  type KubeConfig,
  PatchStrategy,
  setHeaderOptions,
  type V1Node,
} from '@kubernetes/client-node';
import { errorMessage } from '../errors.ts';
import { follow } from './watch.ts';

export const HOST_IP_LABEL = 'usernetes/host-ip';
export const UNINITIALIZED_TAINT = 'node.cloudprovider.kubernetes.io/uninitialized';
// https://github.com/flannel-io/flannel/blob/v0.24.4/Documentation/kubernetes.md#annotations
export const FLANNEL_ANNOTATION = 'flannel.alpha.coreos.com/public-ip-overwrite';

export type KubeNode = { name: string; ready: boolean; message: string };

export type NodesOptions = {
  config: KubeConfig;
  onNode: (node: KubeNode) => void;
  /** A node could not be addressed over the API; the caller falls back to `make sync-external-ip`. */
  onUnaddressed: (name: string, reason: string) => void;
  onTrouble: (message: string) => void;
  signal: AbortSignal;
};

/** Follows the nodes until `signal` aborts. */
export async function followNodes(options: NodesOptions): Promise<void> {
  const api = options.config.makeApiClient(Core);
  const seen = new Map<string, string>();
  const addressed = createAddresser(api, options.onUnaddressed);
  await follow<V1Node>({
    config: options.config,
    path: '/api/v1/nodes',
    list: () => api.listNode(),
    onTrouble: options.onTrouble,
    signal: options.signal,
    onObject: (node) => {
      addressed(node);
      const state = readiness(node);
      // Heartbeats change a node every few seconds; only what differs is news.
      const news = `${state.ready} ${state.message}`;
      if (seen.get(state.name) !== news) {
        seen.set(state.name, news);
        options.onNode(state);
      }
    },
  });
}

/** Addresses each node as it comes, one change at a time; what came meanwhile is looked at again. */
function createAddresser(
  api: CoreV1Api,
  onUnaddressed: NodesOptions['onUnaddressed'],
): (node: V1Node) => void {
  const latest = new Map<string, V1Node>();
  const busy = new Set<string>();
  const work = async (name: string) => {
    busy.add(name);
    for (let node = latest.get(name); node !== undefined; node = latest.get(name)) {
      latest.delete(name);
      try {
        await address(api, node);
      } catch (error) {
        // A conflict means that the node changed meanwhile, and that change brings us here again.
        if (!hasCode(error, 409)) {
          onUnaddressed(name, firstLine(errorMessage(error)));
        }
      }
    }
    busy.delete(name);
  };
  return (node) => {
    const name = node.metadata?.name ?? '';
    latest.set(name, node);
    if (!busy.has(name)) {
      void work(name);
    }
  };
}

/** Deletes the Node `name`; one that is not there is fine. */
export async function deleteNode(config: KubeConfig, name: string): Promise<void> {
  try {
    await config.makeApiClient(Core).deleteNode({ name });
  } catch (error) {
    if (!hasCode(error, 404)) {
      throw error;
    }
  }
}

/** What is missing for `node` to be addressed; undefined when nothing is. Exported for its tests. */
export function addressing(
  node: V1Node,
): { hostIp: string; status: boolean; metadata: boolean; taint: boolean } | undefined {
  const hostIp = node.metadata?.labels?.[HOST_IP_LABEL];
  if (hostIp === undefined) {
    return undefined;
  }
  const addresses = node.status?.addresses ?? [];
  const status = !addresses.some(({ type, address: ip }) => type === 'ExternalIP' && ip === hostIp);
  const metadata = node.metadata?.annotations?.[FLANNEL_ANNOTATION] !== hostIp;
  const taint = (node.spec?.taints ?? []).some(({ key }) => key === UNINITIALIZED_TAINT);
  return status || metadata || taint ? { hostIp, status, metadata, taint } : undefined;
}

async function address(api: CoreV1Api, node: V1Node): Promise<void> {
  const name = node.metadata?.name;
  if (name === undefined) {
    return;
  }
  if (node.metadata?.labels?.[HOST_IP_LABEL] === undefined) {
    throw new Error(`node ${name} has no label ${HOST_IP_LABEL}`);
  }
  const missing = addressing(node);
  if (missing === undefined) {
    return;
  }
  const { hostIp } = missing;
  const merge = setHeaderOptions('Content-Type', PatchStrategy.MergePatch);
  const status = { addresses: [{ type: 'ExternalIP', address: hostIp }] };
  const current = missing.status ? await api.patchNodeStatus({ name, body: { status } }, merge) : node;
  if (missing.metadata || missing.taint) {
    // A merge patch replaces the whole list of taints, so it must be the list that we have seen.
    const taints = (current.spec?.taints ?? []).filter(({ key }) => key !== UNINITIALIZED_TAINT);
    const metadata = {
      resourceVersion: current.metadata?.resourceVersion,
      annotations: { [FLANNEL_ANNOTATION]: hostIp },
    };
    const body = { metadata, spec: { taints: taints.length > 0 ? taints : null } };
    await api.patchNode({ name, body }, merge);
  }
}

/** A node counts as ready when others can reach it too: Ready in Kubernetes, and addressed. */
function readiness(node: V1Node): KubeNode {
  const condition = node.status?.conditions?.find(({ type }) => type === 'Ready');
  const ready = condition?.status === 'True';
  const reachable = isAddressed(node);
  return {
    name: node.metadata?.name ?? '',
    ready: ready && reachable,
    message:
      ready && !reachable
        ? 'it has no external address yet'
        : (condition?.message ?? 'the kubelet has not reported'),
  };
}

/** Without the label there is only the taint to tell: make sync-external-ip removes it when it is done. */
function isAddressed(node: V1Node): boolean {
  const tainted = (node.spec?.taints ?? []).some(({ key }) => key === UNINITIALIZED_TAINT);
  return !tainted && addressing(node) === undefined;
}

function hasCode(error: unknown, code: number): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}

function firstLine(text: string): string {
  return text.split('\n')[0] ?? '';
}
