import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connectKubernetes } from '../../src/cluster/kubernetes/connect.ts';
import { ClusterManager } from '../../src/cluster/manager.ts';
import { mustSucceed, RehearsedHost, run } from '../rehearsal/rehearsed-host.ts';
import { jobScenarios } from './scenarios.ts';

const timeoutMs = 25_000;
let lead: RehearsedHost;
let manager: ClusterManager;

beforeAll(async () => {
  lead = await RehearsedHost.create({ node: 'u7s-n0', hostIp: '127.0.0.1' });
  await lead.lead();
  const context = await connectKubernetes({ kubeconfig: lead.kubeconfig });
  manager = new ClusterManager(context);
  const { objects } = context;
  // One node is both: jobs may run on the control plane.
  await objects.patch({ apiVersion: 'v1', kind: 'Node' }, 'u7s-n0', { spec: { taints: null } });
  for await (const _ of objects.watch(
    { apiVersion: 'v1', kind: 'Node' },
    { signal: AbortSignal.timeout(timeoutMs) },
  )) {
    if ((await manager.getNodes())[0]?.ready) break;
  }
});

afterAll(async () => {
  await manager?.close();
  await lead?.make('down-v');
});

jobScenarios('the rehearsed Kubernetes', () => manager);

describe('what Kubernetes has beside jobs', () => {
  const ns = 'extra';
  const image = 'busybox';

  beforeAll(async () => {
    await manager.createNamespace(ns, { timeoutMs });
  });

  test('a quota keeps a second job waiting until the first is gone', async () => {
    await manager.createNamespace('tight', { timeoutMs });
    await manager.defineQuota('tight', { cpu: '1', memory: '64Mi' });
    await manager.defineQuota('tight', { cpu: '1', memory: '64Mi' });
    const spec = { image, cpuLimit: '900m', memLimit: '32Mi' };
    await manager.createJob('tight', 'one', { ...spec, command: ['sleep', '300'] });
    const ids = async () => (await manager.listJobExecutions('tight', 'one')).length;
    await expect.poll(ids, { timeout: timeoutMs }).toBe(1);
    await manager.createJob('tight', 'two', { ...spec, command: ['true'] });
    const waiting = async () =>
      (await manager.waitingJobs('tight')).map(({ job, reason }) => [job.id, reason]);
    await expect.poll(waiting, { timeout: timeoutMs }).toEqual([['two', 'quota']]);
    await manager.deleteJob('tight', 'one', { wait: true, timeoutMs });
    expect(await manager.waitForJob('tight', 'two', { timeoutMs })).toMatchObject({ outcome: 'Complete' });
  });

  test('a deployment with three replicas has pods, a log, a service, and is scaled', async () => {
    const { deployments, services, getPodLog } = manager.kubernetes;
    const command = ['sh', '-c', 'echo serving; exec sleep 300'];
    await deployments.create(ns, 'web', { image, command, replicas: 3 });
    expect(await deployments.waitAvailable(ns, 'web', { timeoutMs })).toMatchObject({
      ready: 3,
      replicas: 3,
    });
    const pods = await deployments.pods(ns, 'web');
    expect(pods.map(({ status }) => status)).toEqual(['running', 'running', 'running']);
    expect(await getPodLog(ns, pods[0]?.id ?? '')).toBe('serving\n');
    await services.create(ns, 'web', { selector: { app: 'web' }, ports: [{ port: 80, targetPort: 8080 }] });
    await expect(services.create(ns, 'web', { selector: {}, ports: [{ port: 1 }] })).rejects.toMatchObject({
      reason: 'AlreadyExists',
    });
    expect((await services.list(ns)).map(({ metadata }) => metadata.name)).toEqual(['web']);
    await deployments.setScale(ns, 'web', 1);
    expect(await deployments.waitAvailable(ns, 'web', { timeoutMs })).toMatchObject({ ready: 1 });
    expect(await deployments.delete(ns, 'web', { timeoutMs })).toBe(true);
    expect(await deployments.get(ns, 'web')).toBeNull();
    expect(await services.delete(ns, 'web')).toBe(true);
  });

  test('a stateful set has pods with ordinals', async () => {
    const { statefulSets } = manager.kubernetes;
    await statefulSets.create(ns, 'db', { image, command: ['sleep', '300'], replicas: 2 });
    await statefulSets.waitAvailable(ns, 'db', { timeoutMs });
    expect((await statefulSets.pods(ns, 'db')).map(({ id }) => id)).toEqual(['db-0', 'db-1']);
    expect(await statefulSets.delete(ns, 'db', { timeoutMs })).toBe(true);
  });

  test('a container that is started again is followed, and its run before has a log', async () => {
    const { apply, exec, followPodLog, getPodLog } = manager.kubernetes;
    const command = [
      'sh',
      '-c',
      'echo run; test -e go && exit 0; until test -e go; do sleep 0.1; done; exit 1',
    ];
    const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'phoenix', namespace: ns } };
    await apply({
      ...pod,
      spec: { restartPolicy: 'OnFailure', containers: [{ name: 'c', image, command }] },
    });
    const lines: string[] = [];
    for await (const line of followPodLog(ns, 'phoenix')) {
      if (lines.push(line) === 1) await exec(ns, 'phoenix', ['touch', 'go'], { timeoutMs });
    }
    expect(lines).toEqual(['run', 'run']);
    expect(await getPodLog(ns, 'phoenix', { previous: true })).toBe('run\n');
  });

  test('a command runs in a container, and a port of it is on this machine', async () => {
    const { apply, exec, portForward } = manager.kubernetes;
    await apply({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'host', namespace: ns },
      spec: { containers: [{ name: 'c', image, command: ['sleep', '300'] }] },
    });
    await manager.waitForJobExecutionStatus(ns, '', 'host', 'running', { timeoutMs });
    const result = await exec(ns, 'host', ['sh', '-c', 'echo out; echo err >&2; exit 4'], { timeoutMs });
    expect(result).toEqual({ exitCode: 4, stdout: 'out\n', stderr: 'err\n' });
    const echo = createServer((socket) => socket.pipe(socket)).listen(0, '127.0.0.1');
    await new Promise((resolve) => echo.once('listening', resolve));
    await using forwarding = await portForward(ns, 'host', (echo.address() as { port: number }).port);
    const socket = connect(forwarding.port, '127.0.0.1');
    socket.write('ping');
    const [answer] = (await once(socket, 'data')) as [Buffer];
    expect(answer.toString()).toBe('ping');
    socket.destroy();
    echo.close();
  });

  test('config maps are found by their labels; apply keeps what others own', async () => {
    const { configMaps, apply } = manager.kubernetes;
    await configMaps.create(ns, 'one', { a: '1' }, { labels: { team: 'x' } });
    await configMaps.create(ns, 'two', { a: '2' }, { labels: { team: 'y' } });
    expect((await configMaps.list(ns, { team: 'x' })).map(({ metadata }) => metadata.name)).toEqual(['one']);
    const object = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'one', namespace: ns },
      data: { a: '9' },
    };
    await expect(apply(object, { fieldManager: 'other' })).rejects.toMatchObject({ reason: 'Conflict' });
    expect(await apply(object, { fieldManager: 'other', force: true })).toMatchObject({ data: { a: '9' } });
  });

  test('kinds that a definition adds work as soon as it is applied', async () => {
    const { apply } = manager.kubernetes;
    const tfJob = {
      apiVersion: 'kubeflow.org/v1',
      kind: 'TFJob',
      metadata: { name: 'train', namespace: ns },
      spec: { tfReplicaSpecs: { Worker: { replicas: 2 } } },
    };
    await expect(apply(tfJob)).rejects.toMatchObject({ reason: 'Unsupported' });
    const names = { plural: 'tfjobs', singular: 'tfjob', kind: 'TFJob' };
    const schema = { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } };
    await apply({
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      metadata: { name: 'tfjobs.kubeflow.org' },
      spec: {
        group: 'kubeflow.org',
        scope: 'Namespaced',
        names,
        versions: [{ name: 'v1', served: true, storage: true, schema }],
      },
    });
    expect(await apply(tfJob)).toMatchObject({ spec: tfJob.spec });
  });
});

const kubectlThere = await run(
  'kubectl',
  ['version', '--client'],
  { PATH: process.env.PATH, HOME: '/' },
  '/',
).catch(() => undefined);
if (kubectlThere?.code !== 0)
  console.log('skipped: kubectl doing the same as the client (there is none on PATH)');

describe.skipIf(kubectlThere?.code !== 0)('kubectl does the same', () => {
  const says = async (...args: string[]) => {
    const done = await run(
      'kubectl',
      args,
      { ...lead.environment, KUBECONFIG: lead.kubeconfig },
      lead.directory,
    );
    mustSucceed(done);
    return done.stdout;
  };

  test('job, log, deployment, scale, quota, apply with an owner, delete', async () => {
    await says('create', 'namespace', 'kc');
    await says('-n', 'kc', 'create', 'job', 'sum', '--image=busybox', '--', 'sh', '-c', 'echo 42');
    await says('-n', 'kc', 'wait', '--for=condition=Complete', 'job/sum', '--timeout=20s');
    expect(await says('-n', 'kc', 'logs', '-f', 'job/sum')).toBe('42\n');
    await says('-n', 'kc', 'create', 'deployment', 'web', '--image=nginx', '--replicas=3');
    await says('-n', 'kc', 'rollout', 'status', 'deploy/web', '--timeout=20s');
    await says('-n', 'kc', 'scale', 'deploy/web', '--replicas=1');
    await says('-n', 'kc', 'rollout', 'status', 'deploy/web', '--timeout=20s');
    await says('-n', 'kc', 'create', 'quota', 'q', '--hard=pods=1');
    expect(await says('-n', 'kc', 'get', 'quota', 'q', '-o', 'jsonpath={.spec.hard.pods}')).toBe('1');
    const file = path.join(lead.directory, 'map.yaml');
    writeFileSync(file, 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: m}\ndata: {a: "1"}\n');
    await says('-n', 'kc', 'apply', '--server-side', '-f', file);
    writeFileSync(file, 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: m}\ndata: {b: "2"}\n');
    await says('-n', 'kc', 'apply', '--server-side', '-f', file);
    // What its owner no longer says is gone.
    expect(await says('-n', 'kc', 'get', 'configmap', 'm', '-o', 'jsonpath={.data}')).toBe('{"b":"2"}');
    expect((await manager.listJobs('kc')).map(({ id }) => id)).toEqual(['sum']);
    await says('delete', 'namespace', 'kc', '--timeout=20s');
  });
});
