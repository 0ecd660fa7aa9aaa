import type { V1Node, V1Secret } from '@kubernetes/client-node';
import { describe, expect, it, onTestFinished } from 'vitest';
import { dnsReady } from '../../src/kubernetes/dns.ts';
import { deleteNode, followNodes, type KubeNode } from '../../src/kubernetes/nodes.ts';
import { limitToken, revokeTokens } from '../../src/kubernetes/tokens.ts';
import { resourceTypes } from '../../src/rehearsal/api/resource-types.ts';
import { until } from '../process/scratch.ts';
import { RehearsedApi, recorded } from './api.ts';

type Seen = { nodes: KubeNode[]; unaddressed: string[]; trouble: string[]; end: () => Promise<void> };

function follow(api: RehearsedApi): Seen {
  const abort = new AbortController();
  const seen = { nodes: [] as KubeNode[], unaddressed: [] as string[], trouble: [] as string[] };
  const following = followNodes({
    config: api.config,
    onNode: (node) => seen.nodes.push(node),
    onUnaddressed: (name, reason) => seen.unaddressed.push(`${name}: ${reason}`),
    onTrouble: (message) => seen.trouble.push(message),
    signal: abort.signal,
  });
  const end = async () => {
    abort.abort();
    await following;
  };
  onTestFinished(end);
  return { ...seen, end };
}

/** What addressing a node is about. */
function essence(node: V1Node | Record<string, unknown>) {
  const { metadata, spec, status } = node as V1Node;
  return {
    name: metadata?.name,
    annotations: metadata?.annotations,
    labels: metadata?.labels,
    spec,
    addresses: status?.addresses,
    conditions: status?.conditions?.map(({ type, status: value }) => `${type} ${value}`),
  };
}

function isAddressed({ spec, addresses }: ReturnType<typeof essence>): boolean {
  return (
    addresses?.[0]?.type === 'ExternalIP' &&
    spec?.taints?.some(({ key }) => key.startsWith('node.cloudprovider')) !== true
  );
}

describe('the nodes of a cluster', () => {
  it('get from their state after the join to that which make sync-external-ip was recorded to leave', async () => {
    const api = await RehearsedApi.start();
    api.put(resourceTypes.nodes, ...recorded<{ items: V1Node[] }>('nodes-before-sync.json').items);
    const { unaddressed } = follow(api);
    const wanted = recorded<{ items: V1Node[] }>('nodes-ready.json').items.map(essence);
    await until(() => api.nodes().map(essence).every(isAddressed));
    expect(api.nodes().map(essence)).toEqual(wanted);
    expect(unaddressed).toEqual([]);
  });

  it('keep the taints of others', async () => {
    const api = await RehearsedApi.start();
    const worker = recorded<{ items: V1Node[] }>('nodes-before-sync.json').items[1];
    const other = { key: 'example.org/gpu', effect: 'NoSchedule', value: 'only' };
    api.put(resourceTypes.nodes, {
      ...worker,
      spec: { ...worker?.spec, taints: [other, ...(worker?.spec?.taints ?? [])] },
    } as V1Node);
    follow(api);
    const taints = () => essence(api.nodes()[0] ?? {}).spec?.taints ?? [];
    await until(() => !taints().some(({ key }) => key.startsWith('node.cloudprovider')));
    expect(taints()).toEqual([other]);
  });

  it('are reported once for each change of their readiness', async () => {
    const api = await RehearsedApi.start();
    api.put(resourceTypes.nodes, ...recorded<{ items: V1Node[] }>('nodes-before-sync.json').items);
    const { nodes } = follow(api);
    await until(() => nodes.some(({ name, ready }) => name === 'u7s-n1' && ready));
    for (const [status, message] of [
      ['False', 'container runtime is down'],
      ['True', 'kubelet is posting ready status'],
    ]) {
      api.plane.store.modify(resourceTypes.nodes, 'u7s-n1', undefined, (node) => {
        const ready = (node as unknown as V1Node).status?.conditions?.find(({ type }) => type === 'Ready');
        Object.assign(ready ?? {}, { status, message });
      });
      await until(() => nodes.at(-1)?.message === message);
    }
    // Not before it has its address.
    expect(nodes.filter(({ name }) => name === 'u7s-n1').map(({ ready }) => ready)).toEqual([
      false,
      true,
      false,
      true,
    ]);
    expect(nodes.filter(({ name }) => name === 'u7s-n0')).toHaveLength(1);
  });

  it('without the label of their host are handed to make', async () => {
    const api = await RehearsedApi.start();
    const worker = recorded<{ items: V1Node[] }>('nodes-before-sync.json').items[1];
    api.put(resourceTypes.nodes, { ...worker, metadata: { name: 'u7s-n1' } } as V1Node);
    const { unaddressed } = follow(api);
    await until(() => unaddressed.length > 0);
    expect(unaddressed[0]).toBe('u7s-n1: node u7s-n1 has no label usernetes/host-ip');
  });

  it('are still followed after the API server was away', async () => {
    const api = await RehearsedApi.start();
    const [lead, worker] = recorded<{ items: V1Node[] }>('nodes-before-sync.json').items;
    api.put(resourceTypes.nodes, lead ?? {});
    const { nodes, trouble } = follow(api);
    await until(() => nodes.length === 1);
    await api.stop();
    await until(() => trouble.length > 0);
    api.put(resourceTypes.nodes, worker ?? {});
    await api.restart();
    await until(() => nodes.some(({ name }) => name === 'u7s-n1'));
    await until(() => essence(api.nodes()[1] ?? {}).addresses?.[0]?.type === 'ExternalIP');
    // Who was there before is no news.
    expect(nodes.filter(({ name }) => name === 'u7s-n0')).toHaveLength(1);
  });

  it('can be deleted, also twice', async () => {
    const api = await RehearsedApi.start();
    api.put(resourceTypes.nodes, recorded<{ items: V1Node[] }>('nodes-ready.json').items[1] ?? {});
    await deleteNode(api.config, 'u7s-n1');
    expect(api.nodes()).toEqual([]);
    await deleteNode(api.config, 'u7s-n1');
  });

  it('are not followed any more after the end, also while the API server is away', async () => {
    const api = await RehearsedApi.start();
    await api.stop();
    const { trouble, end } = follow(api);
    await until(() => trouble.length > 0);
    await end();
  });
});

describe('bootstrap tokens', () => {
  const FAR = '2099-01-01T00:00:00Z';

  async function withTokens() {
    const api = await RehearsedApi.start();
    // As recorded, but for their end: it has passed for whoever runs this later.
    for (const secret of recorded<V1Secret[]>('bootstrap-token-secrets.json')) {
      api.put(resourceTypes.secrets, {
        ...secret,
        data: { ...secret.data, expiration: Buffer.from(FAR).toString('base64') },
      } as V1Secret);
    }
    api.put(resourceTypes.secrets, {
      metadata: { name: 'other', namespace: 'kube-system' },
      type: 'Opaque',
    } as V1Secret);
    const secrets = () => api.plane.store.list(resourceTypes.secrets, 'kube-system') as unknown as V1Secret[];
    return { api, secrets };
  }

  it('live as long as the record: the published one is bounded, the one of kubeadm init goes', async () => {
    const { api, secrets } = await withTokens();
    const expiresAt = new Date(Date.now() + 900_000).toISOString();
    await limitToken(api.config, 'vyndqi', expiresAt);
    expect(secrets().map(({ metadata }) => metadata?.name)).toEqual(['bootstrap-token-vyndqi', 'other']);
    const before = recorded<V1Secret[]>('bootstrap-token-secrets.json')[1]?.data;
    const { expiration, ...rest } = secrets()[0]?.data ?? {};
    expect(Buffer.from(expiration ?? '', 'base64').toString()).toBe(`${expiresAt.slice(0, 19)}Z`);
    expect({ ...rest, expiration: before?.expiration }).toEqual(before);
  });

  it('are all revoked in the end, and no other secret, also twice', async () => {
    const { api, secrets } = await withTokens();
    await Promise.all([revokeTokens(api.config), revokeTokens(api.config)]);
    await revokeTokens(api.config);
    expect(secrets().map(({ metadata }) => metadata?.name)).toEqual(['other']);
  });
});

describe("the cluster's DNS", () => {
  it('answers when its service has an endpoint that is ready, not before', async () => {
    let allow = () => {};
    const allowed = new Promise<void>((resolve) => {
      allow = resolve;
    });
    const api = await RehearsedApi.start({ dnsAllowed: () => allowed });
    api.put(resourceTypes.nodes, ...recorded<{ items: V1Node[] }>('nodes-ready.json').items);
    let ready = false;
    const waiting = dnsReady(api.config, new AbortController().signal).then(() => {
      ready = true;
    });
    // It has been asked: the pods are on their node, and not ready.
    await until(() =>
      api.plane.store
        .list(resourceTypes.pods)
        .some((pod) => (pod as { spec?: { nodeName?: string } }).spec?.nodeName !== undefined),
    );
    expect(ready).toBe(false);
    allow();
    await waiting;
  });

  it('is not waited for after an interrupt', async () => {
    const api = await RehearsedApi.start({ dnsAllowed: () => new Promise(() => {}) });
    const abort = new AbortController();
    const waiting = dnsReady(api.config, abort.signal);
    abort.abort(new Error('unet down'));
    await expect(waiting).rejects.toThrow('unet down');
  });
});
