import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { mustSucceed, run } from '../rehearsal/rehearsed-host.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const scratch = mkdtempSync(path.join(tmpdir(), 'unet-package-test-'));
const project = path.join(scratch, 'project');
const env = { PATH: process.env.PATH, HOME: scratch };
const inProject = async (...words: string[]) => {
  const done = await run(words[0] ?? '', words.slice(1), env, project);
  mustSucceed(done);
  return done.stdout;
};

beforeAll(async () => {
  // dist/ is what `npm run build` has made: the tests run after it.
  const packed = await run('npm', ['pack', '--ignore-scripts', '--pack-destination', scratch], env, root);
  mustSucceed(packed);
  const tarball = path.join(scratch, packed.stdout.trim().split('\n').at(-1) ?? '');
  mkdirSync(project);
  writeFileSync(path.join(project, 'package.json'), '{"name":"p","private":true,"type":"module"}');
  await inProject('npm', 'install', '--offline', '--no-audit', '--no-fund', tarball);
});

afterAll(() => rmSync(scratch, { recursive: true, force: true }));

test('plain JavaScript imports unet/cluster from the installed tarball, and gets errors that it can tell apart', async () => {
  const program = `
    import { ClusterError, ClusterManager, connectKubernetes, connectNomad } from 'unet/cluster';
    const wrong = await connectKubernetes({ auth: 'tokn' }).catch((error) => error);
    const away = await connectNomad({ endpoint: '127.0.0.1:1' }).catch((error) => error);
    console.log(typeof ClusterManager, wrong.code, ClusterError.isCluster(away, 'Unreachable'));
  `;
  writeFileSync(path.join(project, 'main.js'), program);
  expect(await inProject(process.execPath, 'main.js')).toBe('function UNET_CONFIG_INVALID true\n');
});

test('a TypeScript program with strict settings is checked against the types', async () => {
  const program = (image: string) => `
    import { ClusterManager, connectKubernetes, type Job } from 'unet/cluster';
    await using context = await connectKubernetes({ auth: 'kubeconfig', context: 'c' });
    const cluster = new ClusterManager(context);
    const made: Job = await cluster.createJob('demo', 'sum', { image: ${image}, cpuLimit: '500m' });
    const job = await cluster.waitForJob('demo', made.id, { timeoutMs: 60_000 });
    for (const { id } of await cluster.listJobExecutions('demo', job.id)) {
      for await (const line of cluster.followExecutionLog('demo', job.id, id)) console.log(line.length);
    }
    await cluster.kubernetes.deployments.setScale('demo', 'web', 3);
  `;
  const compilerOptions = {
    strict: true,
    noEmit: true,
    target: 'es2022',
    module: 'nodenext',
    lib: ['es2023', 'esnext.disposable', 'dom'],
    types: ['node'],
    typeRoots: [path.join(root, 'node_modules/@types')],
  };
  writeFileSync(path.join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['main.ts'] }));
  const check = async (image: string) => {
    writeFileSync(path.join(project, 'main.ts'), program(image));
    return await run(process.execPath, [path.join(root, 'node_modules/typescript/bin/tsc')], env, project);
  };
  expect((await check("'busybox'")).stdout).toBe('');
  expect((await check('7')).stdout).toContain("Type 'number' is not assignable to type 'string'");
});
