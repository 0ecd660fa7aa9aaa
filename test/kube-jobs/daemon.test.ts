/** The daemon where there is no Flux: recorded answers of a real one, the journal of the example's job, and the rehearsal API. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openKubernetes } from '../../src/cluster/index.ts';
import { Cluster } from '../../src/kube-jobs/cluster.ts';
import { runDaemon } from '../../src/kube-jobs/flux/daemon.ts';
import { scratch, until } from '../process/scratch.ts';
import { run } from '../rehearsal/rehearsed-host.ts';
import { JOB, type RecordedFlux, recordedFlux } from './recorded-flux.ts';
import { NGINX, RehearsedCluster } from './rehearsed-cluster.ts';

const kubectl = await run(
  'kubectl',
  ['version', '--client'],
  { PATH: process.env.PATH, HOME: '/' },
  '/',
).catch(() => undefined);
if (kubectl?.code !== 0) console.log('skipped: the daemon in the rehearsal (kubectl is not on PATH)');

describe.skipIf(kubectl?.code !== 0)('the daemon', () => {
  let cluster: RehearsedCluster;

  beforeAll(async () => {
    cluster = await RehearsedCluster.start();
    cluster.template('nginx.yaml', NGINX);
  });

  afterAll(async () => {
    await cluster?.stop();
  });

  function start(directory: string, flux: RecordedFlux = {}, Connected: typeof Cluster = Cluster) {
    const env = {
      ...cluster.environment,
      PATH: recordedFlux(directory, flux),
      FLUX_URI: 'local:///recorded',
    };
    const over = new AbortController();
    const connected = new Connected(openKubernetes(undefined, { env }));
    const said: string[] = [];
    const session = {
      cluster: () => connected,
      paths: [cluster.templates],
      namespace: undefined,
      env,
      cwd: directory,
    };
    const ended = runDaemon({ session, say: (line) => said.push(line), signal: over.signal });
    const stop = async () => {
      over.abort();
      return await ended;
    };
    return { said, stop, ended };
  }

  const linesOf = (directory: string, name: string) => {
    const path = join(directory, name);
    return existsSync(path) ? readFileSync(path, 'utf8').trim().split('\n') : [];
  };

  test('creates at the allocation, starts, and at the walltime deletes and finishes with 0', async () => {
    const directory = scratch();
    const { said, stop } = start(directory, { notFound: 2 });
    await until(async () => (await cluster.objects()).includes('deployment.apps/nginx'));
    await until(() => said.some((line) => line.includes('the walltime has expired')));
    await until(() =>
      linesOf(directory, 'calls').some((call) => call.startsWith('job-exec-override finish')),
    );
    expect(await cluster.objects()).toEqual([]);
    const calls = linesOf(directory, 'calls').filter((call) => call.startsWith('job-exec-override'));
    expect(calls).toEqual([
      ...Array(3).fill(`job-exec-override start ${JOB}`),
      `job-exec-override finish ${JOB} 0`,
    ]);
    const output = linesOf(directory, 'output').map((line) => JSON.parse(line));
    expect(output.map(({ data }) => data).join('')).toMatch(/\[nginx-\S+\/nginx\] serving nginxtest/);
    expect(await stop()).toBe(0);
  });

  test('raises an exception that says why when a creation is refused, and leaves what is another’s alone', async () => {
    await cluster.kubectl('create', 'secret', 'generic', 'nginx');
    const directory = scratch();
    const { stop } = start(directory);
    const raised = await until(() =>
      linesOf(directory, 'calls').find((call) => call.startsWith('job raise')),
    );
    expect(raised).toMatch(
      new RegExp(`^job raise --severity=0 --type=kube ${JOB} UNET_KUBE_FOREIGN: .* Secret nginx, not unet’s`),
    );
    await stop();
    expect(await cluster.objects()).toEqual(['secret/nginx']);
    await cluster.kubectl('delete', 'secret', 'nginx');
  });

  test('takes up a job that is allocated while it still removes what others have left', async () => {
    const directory = scratch();
    class AllocatedMeanwhile extends Cluster {
      override async list(...args: Parameters<Cluster['list']>) {
        if (args[0].kind === 'ConfigMap') {
          writeFileSync(join(directory, 'go'), '');
          await until(() => existsSync(join(directory, 'allocated')));
          // What the pipe holds by now is read in the next turn of the event loop.
          await setImmediate();
          await setImmediate();
        }
        return await super.list(...args);
      }
    }
    const { stop } = start(directory, { job: 'submitted' }, AllocatedMeanwhile);
    await until(() => linesOf(directory, 'calls').some((call) => call.startsWith('job-exec-override start')));
    await until(() =>
      linesOf(directory, 'calls').some((call) => call.startsWith('job-exec-override finish')),
    );
    await stop();
    expect(await cluster.objects()).toEqual([]);
  });

  test('says which job takes nodes of the instance since alloc-bypass was not loaded', async () => {
    const { said, stop } = start(scratch(), { bypassed: false });
    const line = await until(() => said.find((one) => one.includes('alloc-bypass.so was not loaded')));
    expect(line).toContain(`${JOB}: alloc-bypass.so was not loaded when it was submitted`);
    await stop();
    await cluster.kubectl('delete', 'deployment,service,secret,configmap', '-l', 'unet/kube-job');
    await until(async () => (await cluster.objects()).length === 0);
  });

  test('says why it no longer follows the jobs of an instance that lives', async () => {
    const { said, ended } = start(scratch(), { bridgeEnds: true });
    await expect(ended).rejects.toMatchObject({
      code: 'UNET_KUBE_DAEMON',
      message: 'the program that follows the jobs exited with 1',
      details: { tail: ['Traceback: ours'] },
    });
    expect(said.join()).not.toContain('the Flux instance has ended');
    await cluster.kubectl('delete', 'deployment,service,secret,configmap', '-l', 'unet/kube-job');
    await until(async () => (await cluster.objects()).length === 0);
  });

  test('that ends leaves its jobs to the next one', async () => {
    const first = scratch();
    const daemon = start(first);
    await until(() => linesOf(first, 'calls').some((call) => call.startsWith('job-exec-override start')));
    await daemon.stop();
    expect(await cluster.objects()).toContain('deployment.apps/nginx');
    const uid = await cluster.kubectl('get', 'deployment', 'nginx', '-o', 'jsonpath={.metadata.uid}');
    const second = scratch();
    const next = start(second, { job: 'known' });
    await until(() => next.said.some((line) => line.startsWith(`${JOB}: 3 objects`)));
    // The walltime may be over by now; another Deployment would have another uid.
    const get = ['get', 'deployment', 'nginx', '--ignore-not-found', '-o', 'jsonpath={.metadata.uid}'];
    expect([uid, '']).toContain(await cluster.kubectl(...get));
    await until(() => linesOf(second, 'calls').some((call) => call.startsWith('job-exec-override finish')));
    await next.stop();
    expect(await cluster.objects()).toEqual([]);
  });
});
