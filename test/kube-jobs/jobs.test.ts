/** Jobs without a scheduler: the built unet against the rehearsal API, looked at with a real kubectl. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { until } from '../process/scratch.ts';
import { run } from '../rehearsal/rehearsed-host.ts';
import { BATCH, NGINX, RehearsedCluster } from './rehearsed-cluster.ts';

const kubectl = await run(
  'kubectl',
  ['version', '--client'],
  { PATH: process.env.PATH, HOME: '/' },
  '/',
).catch(() => undefined);
if (kubectl?.code !== 0) console.log('skipped: unet kube in the rehearsal (kubectl is not on PATH)');

describe.skipIf(kubectl?.code !== 0)('unet kube', () => {
  let cluster: RehearsedCluster;
  const DOMAIN = '{"APPLICATION_DOMAIN": "x.example"}';

  beforeAll(async () => {
    cluster = await RehearsedCluster.start();
    cluster.template('nginx.yaml', NGINX);
    cluster.template('batch.yaml', BATCH);
    cluster.template(
      'plain.yaml',
      'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: plain}\ndata: {mode: "0644"}\n',
    );
  });

  afterAll(async () => {
    await cluster.stop();
  });

  afterEach(async () => {
    expect(await cluster.objects()).toEqual([]);
  });

  test('gets templates, parameters, and any resource', async () => {
    expect((await cluster.unet('get', 'template_names')).stdout).toBe('batch\nnginx-template\nplain\n');
    const { stdout } = await cluster.unet('get', 'template_params', 'nginx-template');
    expect(stdout).toMatch(/PASSWORD +generated from \[a-zA-Z0-9\]\{12\}/);
    expect((await cluster.unet('get', 'nodes', '-o', 'wide')).stdout).toMatch(/u7s-n0 +Ready/);
    expect((await cluster.unet('get', 'deploymnets')).stderr).toContain('did you mean deployments?');
    expect((await cluster.unet('get', 'po', '-n', 'nowhere')).stderr).toContain(
      'No resources found in nowhere namespace.',
    );
  });

  test('makes the objects, and deletes exactly those', async () => {
    const { code, stdout } = await cluster.unet('mini', 'submit', 'nginx-template', '-o', DOMAIN);
    expect(code).toBe(0);
    const id = stdout.trim();
    expect(id).toMatch(/^nginx-template-\w{5}$/);
    const labelled = await cluster.kubectl(
      'get',
      'svc,deploy,secret',
      '-l',
      `unet/kube-job=${id}`,
      '-o',
      'name',
    );
    expect(labelled.split('\n').sort()).toEqual([
      '',
      'deployment.apps/nginx',
      'secret/nginx',
      'service/nginx',
    ]);
    expect(await cluster.kubectl('get', 'cm', `unet-job-${id}`, '-o', 'jsonpath={.data.list}')).not.toContain(
      '"password"',
    );
    const cancelled = await cluster.unet('mini', 'cancel', 'nginx-template', '-o', DOMAIN);
    expect(cancelled.stderr.trim().split('\n')).toEqual([
      'removed Deployment nginx',
      'removed Service nginx',
      'removed Secret nginx',
    ]);
    expect((await cluster.unet('mini', 'cancel', 'nginx-template', '-o', DOMAIN)).stderr).toContain(
      'UNET_KUBE_JOB_NOT_FOUND',
    );
  });

  test('two jobs of one template never touch each other’s objects', async () => {
    const [a, b] = await Promise.all(
      ['1', '2'].map(() => cluster.unet('mini', 'submit', 'batch', '-o', '{SLEEP: 100}')),
    );
    expect([a?.code, b?.code]).toEqual([0, 0]);
    const ambiguous = await cluster.unet('mini', 'cancel', 'batch', '-o', '{SLEEP: 100}');
    expect(ambiguous.stderr).toContain('2 jobs were made of this');
    expect((await cluster.unet('cancel', a?.stdout.trim() ?? '')).code).toBe(0);
    const left = await cluster.kubectl(
      'get',
      'jobs',
      '-o',
      'jsonpath={.items[*].metadata.labels.unet/kube-job}',
    );
    expect(left).toBe(b?.stdout.trim());
    expect((await cluster.unet('mini', 'cancel', 'batch', '-o', '{SLEEP: 100}')).code).toBe(0);
  });

  test('refuses to adopt what is there already, and makes nothing then', async () => {
    await cluster.kubectl('create', 'secret', 'generic', 'nginx');
    const { code, stderr } = await cluster.unet('mini', 'submit', 'nginx-template', '-o', DOMAIN);
    expect(code).toBe(1);
    expect(stderr).toContain('UNET_KUBE_FOREIGN');
    expect(stderr).toContain('Secret nginx, not unet’s');
    expect(await cluster.objects()).toEqual(['secret/nginx']);
    await cluster.kubectl('delete', 'secret', 'nginx');
  });

  test('leaves an object alone that somebody has put in the place of the job’s', async () => {
    const id = (await cluster.unet('mini', 'submit', 'plain')).stdout.trim();
    await cluster.kubectl('delete', 'configmap', 'plain');
    await cluster.kubectl('create', 'configmap', 'plain');
    expect((await cluster.unet('cancel', id)).stderr.trim()).toBe('not ours ConfigMap plain');
    expect(await cluster.objects()).toEqual(['configmap/plain']);
    await cluster.kubectl('delete', 'configmap', 'plain');
  });

  test('a submit that fails half way removes its half, and says which object was refused and why', async () => {
    cluster.template(
      'half.yaml',
      'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: first}\n---\napiVersion: v1\nkind: Service\nmetadata: {name: Second_}\nspec: {ports: [{port: 1}]}\n',
    );
    const { code, stderr } = await cluster.unet('mini', 'submit', 'half');
    expect(code).toBe(1);
    expect(stderr).toMatch(/created ConfigMap first\nUNET_KUBE_REFUSED: Service Second_ was refused: /);
  });

  test.each([
    [['mini', 'submit', 'nginx-tempate'], 2, 'did you mean nginx-template?'],
    [['mini', 'submit', 'nginx-template'], 2, 'needs a value for APPLICATION_DOMAIN'],
    [['mini', 'submit', 'plain', '-n', 'nope'], 1, 'UNET_KUBE_NAMESPACE: there is no namespace nope'],
    [['mini', 'submit', 'plain', '-o', '[1]'], 2, 'the overrides are not a map'],
    [['mini', 'submit', 'plain', '-o', '{A: 1}'], 2, 'template plain has no parameter A'],
    [['submit'], 2, 'give a jobspec with -j FILE or -s STRING'],
    [['submit', '-s', 'tasks: []'], 2, 'the string:1: tasks: is empty'],
    [['cancel', 'nginx-template-zzzzz'], 2, 'there is no job nginx-template-zzzzz in default'],
    [['get', 'pods', '--kubeconfig', '/nonexistent'], 2, '/nonexistent'],
  ])('%j exits with %i and says why', async (words, code, said) => {
    const finished = await cluster.unet(...words);
    expect(finished.stderr).toContain(said);
    expect(finished.code).toBe(code);
  });

  test('run: logs on stdout, the container’s exit code, nothing left', async () => {
    const good = await cluster.unet('run', 'batch');
    expect([good.code, good.stdout]).toEqual([0, 'begin\nend\n']);
    const bad = await cluster.unet('run', 'batch', '-o', '{CODE: 7}');
    expect([bad.code, bad.stdout]).toEqual([7, 'begin\nend\n']);
    const silent = await cluster.unet('run', 'batch', '--no-logs');
    expect([silent.code, silent.stdout]).toEqual([0, '']);
  });

  test('run: the walltime ends what serves with 0, and what has not ended with 4', async () => {
    const serving = await cluster.unet('run', 'nginx-template', '-o', DOMAIN, '-t', '4s');
    expect(serving.stdout).toMatch(/^\[nginx-\S+\/nginx\] serving x\.example\n$/);
    expect(serving.code).toBe(0);
    expect((await cluster.unet('run', 'batch', '-o', '{SLEEP: 100}', '-t', '2s')).code).toBe(4);
  });

  test('run: SIGTERM deletes the objects', async () => {
    const child = spawn(
      process.execPath,
      [join(import.meta.dirname, '../../bin/unet.js'), 'kube', 'run', 'batch', '-o', '{SLEEP: 100}'],
      {
        env: cluster.environment,
        stdio: 'ignore',
      },
    );
    const ended = once(child, 'exit');
    await until(async () => (await cluster.objects()).some((name) => name.startsWith('pod/')));
    child.kill('SIGTERM');
    expect(await ended).toEqual([143, null]);
    await until(async () => (await cluster.objects()).length === 0);
  });

  test('templates in config maps with the label', async () => {
    const file = join(cluster.templates, 'batch.yaml');
    await cluster.kubectl('create', 'namespace', 'lab');
    await cluster.kubectl('create', 'configmap', 'shared', '-n', 'lab', `--from-file=batch.yaml=${file}`);
    await cluster.kubectl('label', 'configmap', 'shared', '-n', 'lab', 'unet/template=');
    const elsewhere = { ...cluster.environment, UNET_KUBE_TEMPLATES: '' };
    const unet = join(import.meta.dirname, '../../bin/unet.js');
    const names = await run(
      process.execPath,
      [unet, 'kube', 'get', 'template_names', '-n', 'lab', '-o', 'wide'],
      elsewhere,
      '/',
    );
    expect(names.stdout).toMatch(/batch +template +ConfigMap lab\/shared: batch\.yaml/);
    const ran = await run(process.execPath, [unet, 'kube', 'run', 'batch', '-n', 'lab'], elsewhere, '/');
    expect([ran.code, ran.stdout]).toEqual([0, 'begin\nend\n']);
    await cluster.kubectl('delete', 'namespace', 'lab');
  });

  test('templates of OpenShift’s own kind, with a custom resource in their list', async () => {
    const definition = (group: string, kind: string) => ({
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      metadata: { name: `${kind.toLowerCase()}s.${group}` },
      spec: {
        group,
        names: { kind, plural: `${kind.toLowerCase()}s`, singular: kind.toLowerCase() },
        scope: 'Namespaced',
        versions: [
          {
            name: 'v1',
            served: true,
            storage: true,
            schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
          },
        ],
      },
    });
    const template = {
      apiVersion: 'template.openshift.io/v1',
      kind: 'Template',
      metadata: { name: 'routed', namespace: 'default' },
      parameters: [{ name: 'HOST', required: true }],
      objects: [
        { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'routed' }, data: { host: `\${HOST}` } },
        {
          apiVersion: 'route.openshift.io/v1',
          kind: 'Route',
          metadata: { name: 'routed' },
          spec: { host: `\${HOST}`, to: { kind: 'Service', name: 'routed' } },
        },
      ],
    };
    const definitions = [
      definition('template.openshift.io', 'Template'),
      definition('route.openshift.io', 'Route'),
    ];
    for (const [index, object] of definitions.entries()) {
      const file = join(cluster.environment.HOME ?? '', `definition-${index}.json`);
      writeFileSync(file, JSON.stringify(object));
      await cluster.kubectl('apply', '-f', file);
    }
    for (const { metadata } of definitions) {
      await cluster.kubectl('wait', '--for=condition=Established', 'crd', metadata.name, '--timeout=30s');
    }
    const file = join(cluster.environment.HOME ?? '', 'routed.json');
    writeFileSync(file, JSON.stringify(template));
    await cluster.kubectl('apply', '-f', file);

    expect((await cluster.unet('get', 'template_names')).stdout).toContain('routed\n');
    expect((await cluster.unet('get', 'template_params', 'routed')).stdout).toContain('HOST');
    const { code, stdout, stderr } = await cluster.unet(
      'mini',
      'submit',
      'routed',
      '-o',
      '{HOST: r.example}',
    );
    expect([code, stderr]).toEqual([0, expect.stringContaining('created Route routed')]);
    expect(await cluster.kubectl('get', 'route', 'routed', '-o', 'jsonpath={.spec.host}')).toBe('r.example');
    expect((await cluster.unet('get', 'routes')).stdout).toContain('routed');
    const cancelled = await cluster.unet('cancel', stdout.trim());
    expect(cancelled.stderr).toContain('removed Route routed');
    expect(await cluster.kubectl('get', 'routes', '-o', 'name')).toBe('');
    await cluster.kubectl('delete', 'template', 'routed');
    await cluster.kubectl('delete', 'crd', ...definitions.map(({ metadata }) => metadata.name));
  });

  test('a kustomization is built by kubectl', async () => {
    const base = join(cluster.templates, 'kustom');
    mkdirSync(base);
    writeFileSync(join(base, 'map.yaml'), 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: map}\n');
    writeFileSync(join(base, 'kustomization.yaml'), 'namePrefix: blue-\nresources: [map.yaml]\n');
    const { stdout } = await cluster.unet(
      'translate',
      '-s',
      'tasks: [{command: [kustom]}]\nattributes: {system: {flux-kube: 1}}',
      '-o',
      'json',
    );
    expect(JSON.parse(stdout).items[0].metadata.name).toBe('blue-map');
  });
});
