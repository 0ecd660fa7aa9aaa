import { chmodSync, existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest';
import { waitFor } from '../lab/lab/deadline.ts';
import { killGuardian } from '../node/kill-guardian.ts';
import { TIME_SCALE } from '../process/scratch.ts';
import { describeContainers } from './describe-containers.ts';
import { Host } from './host.ts';
import { NODE_IMAGE } from './release.ts';

vi.setConfig({ testTimeout: 180_000 * TIME_SCALE, hookTimeout: 180_000 * TIME_SCALE });

describeContainers('on a real podman', (kind) => {
  let host: Host;

  beforeAll(async () => {
    host = await Host.create(kind);
    writeFileSync(join(host.directory, 'ca.pem'), CERTIFICATE);
    chmodSync(join(host.directory, 'ca.pem'), 0o644);
  });

  afterAll(async () => {
    await host?.[Symbol.asyncDispose]();
  });

  afterEach(async ({ task }) => {
    if (task.result?.state === 'fail') {
      // What a failed scenario left must not fail the next one.
      await Promise.all(['one', 'two'].map((name) => host.unet(name, 'down')));
      await host.podman('rm', '-fa', '-t', '0');
    }
  });

  async function up(name: string, ...flags: string[]): Promise<void> {
    const { code, stderr } = await host.unet(
      name,
      'up',
      '--image',
      NODE_IMAGE,
      '--stop-grace',
      '2s',
      ...flags,
    );
    expect(code, stderr).toBe(0);
    host.record(name);
  }

  async function down(name: string): Promise<void> {
    const { code, stderr } = await host.unet(name, 'down');
    expect(code, stderr).toBe(0);
  }

  async function expectNothingLeft(): Promise<void> {
    const gone = async () => ((await host.left()).length === 0 ? true : undefined);
    await waitFor('nothing to be left', gone, { timeoutMs: 10_000, everyMs: 500 }).catch(() => {});
    expect(await host.left()).toEqual([]);
  }

  it('two nodes come up by the release’s own make, have what was asked for, and go without a trace', async () => {
    await up(
      'one',
      '--nodes',
      '2',
      '--mount',
      `${host.release}:/mnt/release:ro`,
      '--env',
      'GREETING=$HOME "and" more',
      '--ca-cert',
      join(host.directory, 'ca.pem'),
    );
    const nodes = await host.unet('one', 'kubectl', 'get', 'nodes');
    expect(nodes.stdout).toMatch(/u7s-node-0\s+Ready/);
    expect(nodes.stdout).toMatch(/u7s-node-1\s+Ready/);

    const container = await host.inspect('one', 'node-1');
    expect(container.Config.Labels).toMatchObject({ 'unet.job': host.job('one'), 'unet.node': 'node-1' });
    expect(container.HostConfig.RestartPolicy.Name).toBe('no');
    expect(container.Config.Env).toContain('GREETING=$HOME "and" more');
    expect(container.ImageName).toBe(NODE_IMAGE);
    const labelled = ['volume', 'network'].map((object) =>
      host.podman(object, 'ls', '-q', '--filter', `label=unet.job=${host.job('one')}`),
    );
    const [volumes, networks] = (await Promise.all(labelled)).map(({ stdout }) => stdout.trim().split('\n'));
    expect([volumes?.length, networks?.length]).toEqual([6, 2]);

    expect((await host.exec('one', 'node-1', 'cat', '/mnt/release/Dockerfile')).stdout).toContain(
      `FROM ${NODE_IMAGE}`,
    );
    expect((await host.exec('one', 'node-1', 'touch', '/mnt/release/x')).stderr).toContain(
      'Read-only file system',
    );
    expect((await host.exec('one', 'node-1', 'cat', '/etc/ssl/certs/ca-certificates.crt')).stdout).toBe(
      CERTIFICATE,
    );

    await down('one');
    await expectNothingLeft();
  });

  it('two jobs are side by side, and the end of one is nothing to the other', async () => {
    const [first, second] = [28_000, 29_000].map((port) => String(port + (process.pid % 1000)));
    await Promise.all([up('one', '--publish', `${first}:80`), up('two', '--publish', `${second}:80`)]);
    const one = await host.inspect('one');
    expect(one.HostConfig.PortBindings['80/tcp'][0].HostPort).toBe(first);
    await down('one');
    expect((await host.unet('two', 'kubectl', 'get', 'nodes')).stdout).toMatch(/u7s-node-0\s+Ready/);
    expect((await host.left()).filter((line) => line.includes(host.job('one')))).toEqual([]);
    await down('two');
    await expectNothingLeft();
  });

  it('a container that is only created, although make up ends well, is said at once', async () => {
    // More than the kernel allows anybody: sysctl fs.nr_open.
    const { code, stderr } = await host.unet(
      'one',
      'up',
      '--image',
      NODE_IMAGE,
      '--ulimit',
      'nofile=2000000000',
    );
    expect(stderr).toContain(
      'UNET_NODE_NOT_RUNNING on node-0 in step boot: make up succeeded, but the node’s container does not run: Created',
    );
    expect(code).toBe(1);
    await host.unet('one', 'down');
    expect((await host.left()).filter((line) => !line.startsWith('jobs/'))).toEqual([]);
  });

  it('a container that is killed makes the cluster degraded, and another up starts its node again', async () => {
    await up('one', '--nodes', '2');
    const { Id: id } = await host.inspect('one', 'node-1');
    await host.podman('kill', id);
    const status = await waitFor(
      'the cluster to be degraded',
      async () => {
        const { stdout } = await host.unet('one', 'status');
        return stdout.includes(': degraded,') ? stdout : undefined;
      },
      { timeoutMs: 60_000, everyMs: 500 },
    );
    expect(status).toContain('the node’s container does not run: Exited (137)');
    await up('one', '--nodes', '2');
    expect((await host.inspect('one', 'node-1')).Id).not.toBe(id);
    expect((await host.unet('one', 'kubectl', 'get', 'nodes')).stdout).toMatch(/u7s-node-1\s+Ready/);
    await down('one');
    await expectNothingLeft();
  });

  it('what is left when agent, guardian and supervisor are killed is taken away by another agent', async () => {
    await up('one');
    const { pid } = host.record('one');
    const state = JSON.parse((await host.unet('one', 'status', '--json')).stdout);
    killGuardian(host.nodeDirectory('one'));
    for (const victim of [pid, state.supervisor.pid]) {
      process.kill(victim, 'SIGKILL');
    }
    expect((await host.inspect('one')).State.Status).toBe('running');
    await down('one');
    expect((await host.left()).filter((line) => !line.startsWith('jobs/'))).toEqual([]);
  });

  it('a node whose agent is killed is cleaned by its guardian', async () => {
    await up('one');
    const { pid } = host.record('one');
    const state = JSON.parse((await host.unet('one', 'status', '--json')).stdout);
    for (const victim of [pid, state.supervisor.pid]) {
      process.kill(victim, 'SIGKILL');
    }
    await waitFor(
      'the guardian to have cleaned',
      async () => ((await host.left()).every((line) => line.startsWith('jobs/')) ? true : undefined),
      { timeoutMs: 60_000, everyMs: 500 },
    );
    await down('one');
    await expectNothingLeft();
  });

  it('storage of the job’s own has the image taken over, and goes with all that is in it', async () => {
    await up('one', '--storage', 'job');
    const { storage } = host.record('one');
    expect(existsSync(join(storage?.graph ?? '', 'overlay-containers'))).toBe(true);
    expect((await host.podman('ps', '-aq')).stdout).toBe('');
    expect((await host.unet('one', 'kubectl', 'get', 'nodes')).stdout).toMatch(/u7s-node-0\s+Ready/);
    await down('one');
    await expectNothingLeft();
  });

  it('a pack brings the node image to storage that has none, and the cluster comes up on it', async () => {
    const pack = join(host.home, 'my.pack');
    const made = await host.unet('one', 'pack', '--node-image', NODE_IMAGE, '--kubectl', 'none', '-o', pack);
    expect(made.code, made.stderr).toBe(0);
    // Away from the host's own storage, so that it can only come out of the pack.
    const away = 'localhost/away:1';
    expect((await host.podman('tag', NODE_IMAGE, away)).code).toBe(0);
    expect((await host.podman('untag', NODE_IMAGE, NODE_IMAGE)).code).toBe(0);
    try {
      const { code, stderr } = await host.unet('one', 'up', '--pack', pack, '--storage', 'job');
      expect(code, stderr).toBe(0);
      expect(stderr).toMatch(/node-0: load the pack done/);
      host.record('one');
      expect((await host.unet('one', 'kubectl', 'get', 'nodes')).stdout).toMatch(/u7s-node-0\s+Ready/);
      await down('one');
    } finally {
      await host.podman('tag', away, NODE_IMAGE);
      await host.podman('untag', away, away);
    }
    await expectNothingLeft();
  });

  it('a release is built once, and its image serves the next job', async () => {
    for (const name of ['one', 'two']) {
      const { code, stderr } = await host.unet(name, 'up');
      expect(code, stderr).toBe(0);
      expect((await host.inspect(name)).Config.Labels['unet.test']).toBe('built');
      await down(name);
    }
    const { stdout } = await host.podman('images', '--format', '{{.Repository}}');
    expect(stdout.trim().split('\n').sort()).toEqual(['localhost/unet-node', 'localhost/unet-test-node']);
    await expectNothingLeft();
  });
});

/** Nobody's, as far as it matters here: PEM in form. */
const CERTIFICATE = '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n';
