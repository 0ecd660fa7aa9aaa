import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import {
  AppsV1Api,
  CoreV1Api,
  DiscoveryV1Api,
  KubeConfig,
  makeInformer,
  PatchStrategy,
  setHeaderOptions,
  type V1Node,
  Watch,
} from '@kubernetes/client-node';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { TIME_SCALE } from '../process/scratch.ts';
import { mustSucceed, RehearsedHost } from './rehearsed-host.ts';

let lead: RehearsedHost;
let worker: RehearsedHost;
let config: KubeConfig;
let core: CoreV1Api;

beforeAll(async () => {
  const faults = 'ready:grace=2s,join:timeout=500ms';
  lead = await RehearsedHost.create({ node: 'u7s-n0', hostIp: '127.0.0.10', faults });
  worker = await RehearsedHost.create({ node: 'u7s-n1', hostIp: '127.0.0.11', faults });
  await Promise.all([lead.lead(), worker.boot()]);
  worker.takeJoinCommand(lead);
  mustSucceed(await worker.make('kubeadm-join'));
  config = new KubeConfig();
  config.loadFromString(readFileSync(lead.kubeconfig, 'utf8'));
  core = config.makeApiClient(CoreV1Api);
});

afterAll(async () => {
  await Promise.all([lead.make('down-v'), worker.make('down-v')]);
});

const node = () => core.readNode({ name: 'u7s-n1' });
const readyStatus = ({ status }: V1Node) => status?.conditions?.find(({ type }) => type === 'Ready')?.status;

test('a joined node carries what a kubelet registers, and becomes Ready', async () => {
  await vi.waitFor(async () => expect(readyStatus(await node())).toBe('True'), 10_000 * TIME_SCALE);
  const { metadata, spec, status } = await node();
  expect(metadata?.labels).toMatchObject({
    'usernetes/host-ip': '127.0.0.11',
    'kubernetes.io/hostname': 'u7s-n1',
  });
  expect(spec?.podCIDR).toBe('10.244.1.0/24');
  expect(spec?.taints).toEqual([
    { effect: 'NoSchedule', key: 'node.cloudprovider.kubernetes.io/uninitialized', value: 'true' },
  ]);
  expect(status?.addresses).toEqual([{ address: 'u7s-n1', type: 'Hostname' }]);
  expect(status?.nodeInfo?.kubeletVersion).toBe('v1.34.2');
});

test('a node is addressed, annotated and untainted by patches, as unet does it', async () => {
  await core.patchNodeStatus(
    { name: 'u7s-n1', body: { status: { addresses: [{ type: 'ExternalIP', address: '127.0.0.11' }] } } },
    setHeaderOptions('Content-Type', PatchStrategy.MergePatch),
  );
  await core.patchNode(
    {
      name: 'u7s-n1',
      body: { metadata: { annotations: { 'flannel.alpha.coreos.com/public-ip-overwrite': '127.0.0.11' } } },
    },
    setHeaderOptions('Content-Type', PatchStrategy.StrategicMergePatch),
  );
  const patched = await core.patchNode(
    {
      name: 'u7s-n1',
      body: [
        { op: 'test', path: '/spec/taints/0/key', value: 'node.cloudprovider.kubernetes.io/uninitialized' },
        { op: 'remove', path: '/spec/taints/0' },
      ],
    },
    setHeaderOptions('Content-Type', PatchStrategy.JsonPatch),
  );
  expect(patched.status?.addresses).toEqual([{ type: 'ExternalIP', address: '127.0.0.11' }]);
  expect(patched.metadata?.annotations).toHaveProperty('flannel.alpha.coreos.com/public-ip-overwrite');
  expect(patched.spec?.taints ?? []).toEqual([]);
});

test('DNS has endpoints in both forms once a node can run it', async () => {
  const labelSelector = 'kubernetes.io/service-name=kube-dns';
  await vi.waitFor(async () => {
    const { items } = await config
      .makeApiClient(DiscoveryV1Api)
      .listNamespacedEndpointSlice({ namespace: 'kube-system', labelSelector });
    expect(
      items.flatMap((slice) => slice.endpoints).filter((endpoint) => endpoint.conditions?.ready),
    ).toHaveLength(2);
  }, 10_000 * TIME_SCALE);
  const endpoints = await core.readNamespacedEndpoints({ name: 'kube-dns', namespace: 'kube-system' });
  expect(endpoints.subsets?.[0]?.addresses).toHaveLength(2);
  const dns = await config
    .makeApiClient(AppsV1Api)
    .readNamespacedDeployment({ name: 'coredns', namespace: 'kube-system' });
  expect(dns.status?.readyReplicas).toBe(2);
});

test('an informer and a watch see objects come, change and go', async () => {
  const namespace = 'default';
  const seen: string[] = [];
  const list = () => core.listNamespacedConfigMap({ namespace });
  const informer = makeInformer(config, `/api/v1/namespaces/${namespace}/configmaps`, list);
  for (const event of ['add', 'update', 'delete'] as const) {
    informer.on(event, (object) => seen.push(`${event} ${object.metadata?.name}`));
  }
  await informer.start();
  const created = await core.createNamespacedConfigMap({
    namespace,
    body: { metadata: { generateName: 'seen-' }, data: { a: '1' } },
  });
  const name = created.metadata?.name ?? '';
  await core.replaceNamespacedConfigMap({ namespace, name, body: { ...created, data: { a: '2' } } });
  const stale = core.replaceNamespacedConfigMap({ namespace, name, body: { ...created, data: { a: '3' } } });
  await expect(stale).rejects.toMatchObject({ code: 409 });
  await core.deleteNamespacedConfigMap({ namespace, name });
  const expected = [`add ${name}`, `update ${name}`, `delete ${name}`];
  await vi.waitFor(() => expect(seen).toEqual(expect.arrayContaining(expected)), 10_000 * TIME_SCALE);
  await informer.stop();
});

test('a watch from a revision that is not known any more is Gone', async () => {
  const event = await new Promise<{ type: string; object: { code: number } }>((resolve, reject) => {
    const watch = new Watch(config);
    // The store's first revision is older than everything it keeps a change of.
    void watch.watch(
      '/api/v1/nodes',
      { resourceVersion: '0.5' },
      (type, object) => resolve({ type, object }),
      reject,
    );
  });
  expect(event).toMatchObject({ type: 'ERROR', object: { code: 410 } });
});

test('a namespace takes its contents with it, and nothing is created in one that is missing', async () => {
  await core.createNamespace({ body: { metadata: { name: 'brief' } } });
  await core.createNamespacedSecret({
    namespace: 'brief',
    body: { metadata: { name: 's' }, stringData: { a: 'b' } },
  });
  await core.deleteNamespace({ name: 'brief' });
  expect((await core.listNamespacedSecret({ namespace: 'brief' })).items).toEqual([]);
  const late = core.createNamespacedSecret({ namespace: 'brief', body: { metadata: { name: 's' } } });
  await expect(late).rejects.toMatchObject({ code: 404 });
});

test('a bootstrap token reads what kubeadm needs and nothing else; a nobody reads cluster-info only', async () => {
  const token = tokenOf(readFileSync(path.join(lead.directory, 'join-command'), 'utf8'));
  const cluster = config.getCurrentCluster();
  if (cluster === null) throw new Error('the kubeconfig names no cluster');
  const as = (user: object) => {
    const other = new KubeConfig();
    other.loadFromClusterAndUser(cluster, { name: 'other', ...user });
    return other.makeApiClient(CoreV1Api);
  };
  const bootstrapper = as({ token });
  await bootstrapper.readNamespacedConfigMap({ name: 'kubeadm-config', namespace: 'kube-system' });
  await expect(bootstrapper.listNamespacedSecret({ namespace: 'kube-system' })).rejects.toMatchObject({
    code: 403,
  });
  await as({}).readNamespacedConfigMap({ name: 'cluster-info', namespace: 'kube-public' });
  await expect(as({}).listNode()).rejects.toMatchObject({ code: 403 });
  await expect(as({ token: 'abcdef.0123456789abcdef' }).listNode()).rejects.toMatchObject({ code: 401 });
});

test('a join with a token that has expired or was revoked fails with the text of kubeadm', async () => {
  const other = await RehearsedHost.create({ node: 'u7s-n2', faults: 'join:timeout=300ms' });
  await other.boot();
  const refusedWith = async (joinLine: string) => {
    writeFileSync(
      path.join(other.directory, 'join-command'),
      `echo "127.0.0.10  u7s-n0" >/etc/hosts.u7s\n${joinLine}`,
    );
    const { code, stdout } = await other.make('kubeadm-join');
    expect(code).toBe(2);
    const id = tokenOf(joinLine).split('.')[0];
    expect(stdout).toContain(
      `error: error execution phase preflight: couldn't validate the identity of the API Server: could not find a JWS signature in the cluster-info ConfigMap for token ID "${id}"`,
    );
  };
  const create = ['kubeadm', 'token', 'create', '--print-join-command'];
  const short = (await lead.exec(...create, '--ttl', '1s')).stdout;
  const list = async () => (await lead.exec('kubeadm', 'token', 'list')).stdout;
  await vi.waitFor(async () => expect(await list()).not.toContain(tokenOf(short)), 10_000 * TIME_SCALE);
  await refusedWith(short);
  const revoked = (await lead.exec(...create)).stdout;
  expect((await lead.exec('kubeadm', 'token', 'delete', tokenOf(revoked))).stdout).toMatch(/"\w{6}" deleted/);
  await refusedWith(revoked);
  await other.make('down-v');
});

test('a node that dies turns Unknown, and comes back after a reset and a join', async () => {
  for (const pid of worker.daemons()) process.kill(pid, 'SIGKILL');
  await vi.waitFor(async () => expect(readyStatus(await node())).toBe('Unknown'), 15_000 * TIME_SCALE);
  expect((await node()).spec?.taints?.map(({ key }) => key)).toContain('node.kubernetes.io/unreachable');
  await worker.boot();
  mustSucceed(await worker.make('kubeadm-join'));
  await vi.waitFor(async () => expect(readyStatus(await node())).toBe('True'), 10_000 * TIME_SCALE);
  mustSucceed(await worker.make('kubeadm-reset'));
  mustSucceed(await worker.make('kubeadm-join'));
});

function tokenOf(joinLine: string): string {
  return /--token (\S+)/.exec(joinLine)?.[1] ?? '';
}
