import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Finished, mustSucceed, RehearsedHost, run } from './rehearsed-host.ts';

const found = await run('kubectl', ['version', '--client'], { PATH: process.env.PATH, HOME: '/' }, '/').catch(
  () => undefined,
);
if (found?.code !== 0) console.log('skipped: the tests with kubectl (there is none on PATH)');

describe.skipIf(found?.code !== 0)('kubectl, unchanged', () => {
  let lead: RehearsedHost;

  beforeAll(async () => {
    lead = await RehearsedHost.create({ node: 'u7s-n0', hostIp: '127.0.0.10' });
    await lead.lead();
  });

  afterAll(async () => {
    await lead.make('down-v');
  });

  const kubectl = (...args: string[]): Promise<Finished> =>
    run('kubectl', args, { ...lead.environment, KUBECONFIG: lead.kubeconfig }, lead.directory);

  const says = async (...args: string[]) => {
    const finished = await kubectl(...args);
    mustSucceed(finished);
    return finished.stdout;
  };

  test('waits for nodes and prints them in the recorded columns', async () => {
    expect(await says('wait', '--for=condition=Ready', 'node', '--all', '--timeout=20s')).toContain(
      'node/u7s-n0 condition met',
    );
    const recorded = readFileSync(path.join(import.meta.dirname, 'recorded/nodes-ready.txt'), 'utf8');
    const columns = (table: string) =>
      table
        .split('\n')[0]
        ?.split(/ {2,}/)
        .map((column) => column.trim());
    const table = await says('get', 'nodes', '-o', 'wide');
    expect(columns(table)).toEqual(columns(recorded));
    expect(table).toMatch(/u7s-n0 +Ready +control-plane +\S+ +v1\.34\.2 +<none> +127\.0\.0\.10 +Debian/);
  });

  test('creates, changes and deletes a config map', async () => {
    const file = path.join(lead.directory, 'map.yaml');
    const manifest = (value: string) =>
      `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: demo\ndata:\n  a: "${value}"\n`;
    writeFileSync(file, manifest('1'));
    expect(await says('apply', '-f', file)).toBe('configmap/demo created\n');
    expect(await says('apply', '-f', file)).toBe('configmap/demo unchanged\n');
    writeFileSync(file, manifest('2'));
    expect(await says('apply', '-f', file)).toBe('configmap/demo configured\n');
    expect(await says('get', 'configmap', 'demo', '-o', 'jsonpath={.data.a}')).toBe('2');
    expect(await says('delete', 'configmap', 'demo')).toContain('configmap "demo" deleted');
    expect(await says('create', 'configmap', 'other', '--from-literal=x=y')).toBe(
      'configmap/other created\n',
    );
    expect((await kubectl('create', 'configmap', 'other')).stderr).toContain('already exists');
  });

  test('labels, annotates and taints a node', async () => {
    expect(await says('label', 'node', 'u7s-n0', 'a=b')).toBe('node/u7s-n0 labeled\n');
    expect(await says('annotate', 'node', 'u7s-n0', 'a=b')).toMatch(/^node\/u7s-n0 annotate/);
    expect(await says('taint', 'node', 'u7s-n0', 'a=b:NoSchedule')).toBe('node/u7s-n0 tainted\n');
    expect(await says('taint', 'node', 'u7s-n0', 'a-')).toBe('node/u7s-n0 untainted\n');
  });

  test('discovers the kinds and the version, and lists pods', async () => {
    expect(await says('version')).toContain('v1.34.2');
    expect(await says('api-resources')).toMatch(/nodes +no +v1 +false +Node/);
    expect(await says('get', 'pods', '-A')).toMatch(/kube-system +kube-apiserver-u7s-n0 +1\/1 +Running/);
  });

  test('watches until its time is up', async () => {
    const watching = kubectl('get', 'configmaps', '--watch', '--request-timeout=4s');
    await says('create', 'configmap', 'watched');
    expect((await watching).stdout).toMatch(/watched +0 /);
  });
});
