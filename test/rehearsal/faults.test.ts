import { afterAll, beforeAll, expect, test } from 'vitest';
import { RehearsedHost } from './rehearsed-host.ts';

let lead: RehearsedHost;
let worker: RehearsedHost;

beforeAll(async () => {
  lead = await RehearsedHost.create({ node: 'u7s-n0', hostIp: '127.0.0.10' });
  worker = await RehearsedHost.create({ node: 'u7s-n1', hostIp: '127.0.0.11' });
  await Promise.all([lead.lead(), worker.boot()]);
  worker.takeJoinCommand(lead);
});

afterAll(async () => {
  await Promise.all([lead.make('down-v'), worker.make('down-v')]);
});

/** A worker that has not joined. */
const rejoin = async (faults: string) => {
  worker.faults = '';
  await worker.make('kubeadm-reset');
  worker.faults = faults;
  return await worker.make('kubeadm-join');
};

test('a malformed value is an error of make up', async () => {
  const host = await RehearsedHost.create({ node: 'u7s-x', faults: 'join:fail=sometimes' });
  const { code, stderr } = await host.make('up');
  expect(code).toBe(2);
  expect(stderr).toContain('UNET_REHEARSAL: "join:fail=sometimes": fail= wants a number or "always"');
  expect(host.daemons()).toEqual([]);
});

test.each([
  ['preflight:fail=1', 'Needs cgroup v2'],
  ['preflight:fail=1:mode=user-session', 'systemd not running?'],
  ['up:fail=1', 'OCI runtime error'],
  ['up:fail=1:mode=port', 'bind: address already in use'],
])('%s fails the first up, and lets the second one pass', async (faults, message) => {
  const host = await RehearsedHost.create({ node: 'u7s-x', faults });
  const first = await host.make('up');
  expect(first.code).toBe(2);
  expect(first.stderr).toContain(message);
  await host.make('down-v');
  expect((await host.make('up')).code).toBe(0);
  await host.make('down-v');
});

test('up:mode=created exits 0 with a container that does not run', async () => {
  const host = await RehearsedHost.create({ node: 'u7s-x', faults: 'up:mode=created' });
  expect((await host.make('up')).code).toBe(0);
  expect((await host.compose('ps')).stdout).toContain('created  u7s_node_1');
  expect((await host.exec('ctr', 'version')).code).toBe(255);
  expect((await host.make('down-v')).code).toBe(0);
});

test('take= is the time of a step in all, its own work included; each= that of every node', async () => {
  const elapsed = async (faults: string, target: string) => {
    lead.faults = faults;
    const started = performance.now();
    expect((await lead.make(target)).code).toBe(0);
    lead.faults = '';
    return performance.now() - started;
  };
  // make's own start is known to a hundredth of a second.
  expect(await elapsed('kubeconfig:take=700ms', 'kubeconfig')).toBeGreaterThan(680);
  expect(await elapsed('sync:each=700ms', 'sync-external-ip')).toBeGreaterThan(680);
});

test('a failed join leaves files, so that the next one needs a reset; tries are counted', async () => {
  const faults = 'join@n1:fail=2';
  const first = await rejoin(faults);
  expect(first.code).toBe(2);
  expect(first.stdout).toContain('curl -sSL http://127.0.0.1:10248/healthz');
  const unreset = await worker.make('kubeadm-join');
  expect(unreset.stdout).toContain('/etc/kubernetes/pki/ca.crt already exists');
  expect((await rejoin(faults)).code).toBe(0);
});

test.each([
  ['join:mode=ca', 'are pinned'],
  ['join:mode=timeout', 'Client.Timeout exceeded'],
  ['join:mode=token', 'could not find a JWS signature in the cluster-info ConfigMap for token ID'],
  ['join:mode=cgroup', '[ERROR SystemVerification]: missing required cgroups: memory'],
  ['join:mode=exists', 'a Node with name "u7s-n1" and status "Ready" already exists in the cluster'],
])('%s fails with: %s', async (faults, message) => {
  const { code, stdout } = await rejoin(faults);
  expect(code).toBe(2);
  expect(stdout).toContain(message);
});

test('a fault of another node does not concern this one', async () => {
  expect((await rejoin('join@n7:fail=always')).code).toBe(0);
});

test('a network that failed after its namespace fails ever after', async () => {
  const host = await RehearsedHost.create({ node: 'u7s-y' });
  await host.boot();
  await host.make('kubeadm-init');
  host.faults = 'cni:fail=1:mode=half';
  const half = await host.make('install-flannel');
  expect(half.stdout).toContain('namespace/kube-flannel created');
  expect(half.code).toBe(2);
  const again = await host.make('install-flannel');
  expect(again.code).toBe(2);
  expect(again.stdout).toContain(
    'Error from server (AlreadyExists): namespaces "kube-flannel" already exists',
  );
  await host.make('down-v');
});

test('init fails with the real text, and needs a reset before it works', async () => {
  const host = await RehearsedHost.create({ node: 'u7s-z', faults: 'init:fail=1' });
  await host.boot();
  const failed = await host.make('kubeadm-init');
  expect(failed.code).toBe(2);
  expect(failed.stdout).toContain('error execution phase wait-control-plane');
  expect((await host.make('kubeadm-init')).stdout).toContain('kube-apiserver.yaml already exists');
  await host.make('kubeadm-reset');
  expect((await host.make('kubeadm-init')).code).toBe(0);
  await host.make('down-v');
});

test('down:fail=1 leaves the node, and the next down removes it', async () => {
  const host = await RehearsedHost.create({ node: 'u7s-w', faults: 'down:fail=1' });
  await host.make('up');
  expect((await host.make('down-v')).code).toBe(2);
  expect(host.daemons()).toHaveLength(1);
  expect((await host.make('down-v')).code).toBe(0);
  expect(host.daemons()).toEqual([]);
});
