/** `unet cluster` as it is typed, on a rehearsed Kubernetes. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { cluster } from '../../src/cli/cluster.ts';
import { connectKubernetes } from '../../src/cluster/kubernetes/connect.ts';
import { unet as cli } from '../cli-frame/run-cli.ts';
import { scratch } from '../process/scratch.ts';
import { RehearsedHost } from '../rehearsal/rehearsed-host.ts';

let host: RehearsedHost;

beforeAll(async () => {
  host = await RehearsedHost.create({ node: 'u7s-n0', hostIp: '127.0.0.1' });
  await host.lead();
  await using context = await connectKubernetes({ kubeconfig: host.kubeconfig });
  // One node is both: jobs may run on the control plane.
  await context.objects.patch({ apiVersion: 'v1', kind: 'Node' }, 'u7s-n0', { spec: { taints: null } });
});

afterAll(async () => {
  await host?.make('down-v');
});

const typed = (words: readonly string[], env: Record<string, string> = {}) =>
  cli(['cluster', ...words], { commands: [cluster], env });
const unet = (...words: string[]) => typed(words, { KUBECONFIG: host.kubeconfig });

/** Its lines of JSON; a failure is thrown with what was said. */
async function json(...words: string[]): Promise<Record<string, unknown>[]> {
  const [before, after] = words.includes('--')
    ? [words.slice(0, words.indexOf('--')), words.slice(words.indexOf('--'))]
    : [words, []];
  const { code, stdout, stderr } = await unet(...before, '--json', ...after);
  if (code !== 0) throw new Error(`exit code ${code}: ${stderr}`);
  return stdout
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line));
}

test('nodes, namespaces and quotas', async () => {
  expect((await unet('nodes')).stdout).toContain('u7s-n0');
  expect(await json('nodes')).toMatchObject([{ hostname: 'u7s-n0' }]);
  expect(await unet('ns', 'create', 'short')).toMatchObject({ code: 0, stdout: 'namespace short created\n' });
  expect(await json('ns', 'create', 'short')).toEqual([{ namespace: 'short', created: false }]);
  expect(await json('quota', 'short', '--cpu', '2', '--memory', '1Gi')).toEqual([
    { namespace: 'short', cpu: '2', memory: '1Gi' },
  ]);
  expect(await json('ns', 'delete', 'short')).toEqual([{ namespace: 'short', deleted: true }]);
  expect((await unet('ns', 'delete', 'short')).stdout).toBe('namespace short was not there\n');
});

describe('in a namespace', () => {
  beforeAll(async () => {
    await json('ns', 'create', 'demo');
  });

  test('a job is run and followed: its log on stdout, how it ended in the exit code', async () => {
    const good = await unet('job', 'run', 'demo', 'good', 'busybox', '--follow', '--', 'sh', '-c', 'echo 42');
    expect(good).toMatchObject({ code: 0, stdout: '42\n' });
    expect(good.stderr).toContain('job good: Complete');
    const bad = await unet('job', 'run', 'demo', 'bad', 'busybox', '-f', '--', 'sh', '-c', 'echo no; exit 3');
    expect(bad).toMatchObject({ code: 1, stdout: 'no\n' });
    expect(bad.stderr).toContain('job bad: Failed');
    expect((await unet('job', 'get', 'demo', 'bad')).stdout).toMatch(/bad: Failed\n.*exit 3/s);
  });

  test('a job is created, waited for, listed, read and deleted', async () => {
    const run = ['job', 'run', 'demo', 'sum', 'busybox'];
    const command = ['--', 'sh', '-c', 'echo one; echo $TWO'];
    expect(
      await json(...run, '--env', 'TWO=two', '--cpu', '500m', '--memory', '64Mi', ...command),
    ).toMatchObject([{ id: 'sum', image: 'busybox', finished: false }]);
    expect(await json('job', 'wait', 'demo', 'sum', '--timeout', '30s')).toMatchObject([
      { outcome: 'Complete' },
    ]);
    expect((await unet('job', 'logs', 'demo', 'sum')).stdout).toBe('one\ntwo\n');
    expect((await unet('job', 'logs', '-f', 'demo', 'sum')).stdout).toBe('one\ntwo\n');
    expect((await unet('job', 'logs', 'demo', 'sum', '--tail', '1')).stdout).toBe('two\n');
    expect((await unet('job', 'ls', 'demo')).stdout).toMatch(/sum +Complete/);
    expect((await json('job', 'ls', 'demo')).map(({ id }) => id)).toContain('sum');
    expect(await json('job', 'get', 'demo', 'sum')).toMatchObject([
      { id: 'sum', executions: [{ status: 'done', exitCode: 0 }] },
    ]);
    expect((await unet(...run, ...command)).stderr).toContain('already exists');
    expect((await unet(...run, '--replace', ...command)).stdout).toBe('job sum created in demo\n');
    expect(await json('job', 'rm', 'demo', 'sum')).toEqual([{ job: 'sum', deleted: true }]);
    expect((await unet('job', 'rm', 'demo', 'sum')).stdout).toBe('job sum was not there\n');
    expect((await unet('job', 'get', 'demo', 'sum')).stderr).toContain('there is no job "sum" in demo');
    expect(await json('job', 'cleanup', 'demo')).toEqual([{ namespace: 'demo', left: [] }]);
  });

  test.each(['deploy', 'statefulset'])('a %s is run, scaled and deleted', async (kind) => {
    const sleep = ['--', 'sleep', '300'];
    const [ran] = await json(
      kind,
      'run',
      'demo',
      'web',
      'busybox',
      '--replicas',
      '2',
      '--timeout',
      '30s',
      ...sleep,
    );
    expect(ran).toMatchObject({ id: 'web', ready: 2 });
    expect((await unet(kind, 'ls', 'demo')).stdout).toMatch(/web +2\/2 +busybox/);
    expect(await json(kind, 'scale', 'demo', 'web', '1')).toMatchObject([{ replicas: 1 }]);
    expect(await json(kind, 'get', 'demo', 'web')).toMatchObject([{ id: 'web', replicas: 1 }]);
    expect((await unet(kind, 'scale', 'demo', 'web', 'many')).code).toBe(2);
    expect(await json(kind, 'rm', 'demo', 'web')).toEqual([{ name: 'web', deleted: true }]);
    expect((await unet(kind, 'get', 'demo', 'web')).code).not.toBe(0);
  });

  test('services and config maps', async () => {
    expect((await unet('service', 'run', 'demo', 'web')).stderr).toContain('--port 80');
    expect(await json('service', 'run', 'demo', 'web', '--port', '80:8080')).toMatchObject([
      { spec: { selector: { app: 'web' }, ports: [{ port: 80, targetPort: 8080 }] } },
    ]);
    expect((await unet('service', 'ls', 'demo')).stdout).toContain('web');
    expect(await json('service', 'rm', 'demo', 'web')).toEqual([{ name: 'web', deleted: true }]);
    await json('configmap', 'create', 'demo', 'one', '--from', 'a=1', '--label', 'set=x');
    expect(await json('configmap', 'ls', 'demo', '--label', 'set=x')).toMatchObject([{ data: { a: '1' } }]);
    expect(await json('configmap', 'ls', 'demo', '--label', 'set=y')).toEqual([]);
    expect(JSON.parse((await unet('configmap', 'get', 'demo', 'one')).stdout)).toEqual({ a: '1' });
    expect((await unet('configmap', 'create', 'demo', 'two', '--from', 'a')).stderr).toContain(
      '--from NAME=VALUE',
    );
    expect(await json('configmap', 'rm', 'demo', 'one')).toEqual([{ name: 'one', deleted: true }]);
  });
});

describe('which cluster', () => {
  test('the section of unet.yaml, unless a flag says another', async () => {
    const file = join(scratch(), 'unet.yaml');
    writeFileSync(file, `cluster:\n  auth: kubeconfig\n  kubeconfig: ${host.kubeconfig}\n`);
    expect((await typed(['nodes'], { UNET_CONFIG: file })).stdout).toContain('u7s-n0');
    const other = await typed(['nodes', '--kubeconfig', '/nonexistent/config'], { UNET_CONFIG: file });
    expect(other.stderr).toContain('/nonexistent/config');
    writeFileSync(file, `cluster:\n  auth: kubeconfg\n`);
    expect((await typed(['nodes'], { UNET_CONFIG: file })).stderr).toContain('kubeconfig');
  });

  test('--kubeconfig and --context', async () => {
    expect((await typed(['nodes', '--kubeconfig', host.kubeconfig])).stdout).toContain('u7s-n0');
    const other = await typed(['nodes', '--kubeconfig', host.kubeconfig, '--context', 'mars']);
    expect(other.code).not.toBe(0);
    expect(other.stderr).toContain('has no context "mars"');
  });

  test('no cluster', async () => {
    const { code, stderr } = await typed(['nodes']);
    expect(code).not.toBe(0);
    expect(stderr).toMatch(/kubeconfig/i);
  });
});

test.each([
  [['jobb', 'ls', 'demo'], 'did you mean job?'],
  [['job', 'lst', 'demo'], 'did you mean ls?'],
  [['job', 'ls'], 'usage: unet cluster job ls NS'],
  [['nodes', '--timeout', 'soon'], '--timeout soon'],
  [['nodes', '--nomad', 'http://127.0.0.1', '--context', 'x'], '--nomad'],
  [[], 'one of nodes'],
])('unet cluster %j is refused before any connection', async (words, said) => {
  const { code, stderr } = await typed(words);
  expect(code).toBe(2);
  expect(stderr).toContain(said);
});
