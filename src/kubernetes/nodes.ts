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
  await follow<V1Node>({
    config: options.config,
    path: '/api/v1/nodes',
    list: () => api.listNode(),
    onTrouble: options.onTrouble,
    signal: options.signal,
    onObject: (node) => {
      const name = node.metadata?.name ?? '';
      void address(api, node).catch((error: unknown) => {
        // A conflict means that the node changed meanwhile, and that change brings us here again.
        if (!hasCode(error, 409)) {
          options.onUnaddressed(name, error instanceof Error ? firstLine(error.message) : String(error));
        }
      });
      const state = readiness(node);
      // Heartbeats change a node every few seconds; only what differs is news.
      const news = `${state.ready} ${state.message}`;
      if (seen.get(name) !== news) {
        seen.set(name, news);
        options.onNode(state);
      }
    },
  });
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
  if (missing.status) {
    await api.patchNodeStatus(
      { name, body: { status: { addresses: [{ type: 'ExternalIP', address: hostIp }] } } },
      merge,
    );
  }
  if (missing.metadata || missing.taint) {
    await api.patchNode(
      { name, body: { metadata: { annotations: { [FLANNEL_ANNOTATION]: hostIp } } } },
      merge,
    );
  }
  if (missing.taint) {
    // A merge patch replaces the whole list, so it must be the list that we read.
    const current = await api.readNode({ name });
    const taints = (current.spec?.taints ?? []).filter(({ key }) => key !== UNINITIALIZED_TAINT);
    const body = {
      metadata: { resourceVersion: current.metadata?.resourceVersion },
      spec: { taints: taints.length > 0 ? taints : null },
    };
    await api.patchNode({ name, body }, merge);
  }
}

function readiness(node: V1Node): KubeNode {
  const condition = node.status?.conditions?.find(({ type }) => type === 'Ready');
  return {
    name: node.metadata?.name ?? '',
    ready: condition?.status === 'True',
    message: condition?.message ?? 'the kubelet has not reported',
  };
}

function hasCode(error: unknown, code: number): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}

function firstLine(text: string): string {
  return text.split('\n')[0] ?? '';
}
