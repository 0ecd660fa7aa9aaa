import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { processesOf, until } from '../process/scratch.ts';
import { Cluster } from './cluster.ts';

const KEPT_LOGS = /^job\/local-[^/]+(\/(state\.json|logs(\/.*)?))?$/;

async function expectGone(cluster: Cluster): Promise<void> {
  const down = await cluster.unet('down');
  expect(down.code, down.stderr).toBe(0);
  await cluster.quiet();
  expect(cluster.left()).toEqual([]);
}

function killAll(pids: number[]): void {
  for (const pid of pids) {
    process.kill(pid, 'SIGKILL');
  }
}

describe('unet down', () => {
  it('goes on by itself when the supervisor is killed in the middle of it', async () => {
    const cluster = new Cluster({ UNET_REHEARSAL: 'down:delay=2s' });
    expect((await cluster.unet('up')).code).toBe(0);
    const { ended } = cluster.start('down');
    await until(() => cluster.state()?.phase === 'stopping');
    killAll(cluster.residents('supervisor'));
    const down = await ended;
    expect(down.code, down.stderr).toBe(0);
    expect(processesOf(cluster.directory)).toEqual([]);
    expect(cluster.left().filter((path) => !KEPT_LOGS.test(path))).toEqual([]);
  });

  it('ends a supervisor that hangs, and cleans without it', async () => {
    const cluster = new Cluster({ UNET_SILENCE: '6s', UNET_HEARTBEAT: '1s' });
    expect((await cluster.unet('up')).code).toBe(0);
    const [supervisor] = cluster.residents('supervisor');
    process.kill(supervisor ?? 0, 'SIGSTOP');
    await expectGone(cluster);
    expect(processesOf(cluster.directory)).toEqual([]);
  });

  it('cleans after a supervisor and agents that were all killed', async () => {
    const cluster = new Cluster();
    expect((await cluster.unet('up')).code).toBe(0);
    killAll([...cluster.residents('supervisor'), ...cluster.residents('agent')]);
    const status = await cluster.unet('status');
    expect(status.code).toBe(1);
    expect(status.stderr).toContain('UNET_NO_CLUSTER');
    await expectGone(cluster);
  });

  it('ends what make of a killed agent is still doing', async () => {
    const cluster = new Cluster({ UNET_REHEARSAL: 'up:delay=30s' });
    const { ended } = cluster.start('up');
    await until(() => cluster.state()?.nodes.every(({ step }) => step === 'up'));
    killAll([...cluster.residents('supervisor'), ...cluster.residents('agent')]);
    await ended;
    await expectGone(cluster);
  });

  it('finds the supervisor from a shell with another TMPDIR', async () => {
    const cluster = new Cluster();
    expect((await cluster.unet('up')).code).toBe(0);
    cluster.env.TMPDIR = join(cluster.directory, 'home', 'tmp');
    mkdirSync(cluster.env.TMPDIR, { mode: 0o700 });
    const again = await cluster.unet('up');
    expect(again.code, again.stderr).toBe(0);
    expect(cluster.residents('supervisor')).toHaveLength(1);
    await expectGone(cluster);
  });
});

describe('unet up', () => {
  it('at its deadline gives up the nodes that have not come, not the cluster', async () => {
    const cluster = new Cluster({ UNET_REHEARSAL: 'join@node-1:delay=90s', UNET_TIMEOUT: '8s' });
    const up = await cluster.unet('up', '--min-nodes', '1');
    expect(up.code, up.stderr).toBe(0);
    expect(up.stderr).toContain('UNET_TIMEOUT');
    expect(cluster.phases()).toEqual({ 'node-0': 'ready', 'node-1': 'failed' });
    await expectGone(cluster);
  });

  it('at its deadline without a control plane says what was waited for, exit 4, and leaves nothing', async () => {
    const cluster = new Cluster({ UNET_REHEARSAL: 'init:delay=90s', UNET_TIMEOUT: '4s' });
    const up = await cluster.unet('up');
    expect(up.code).toBe(4);
    expect(up.stderr).toMatch(/UNET_TIMEOUT.*waited for node-0 \(init\)/);
    await cluster.quiet();
    expect(cluster.left().filter((path) => !KEPT_LOGS.test(path))).toEqual([]);
  });

  it('that only looks on can be interrupted, and the cluster comes up all the same', async () => {
    const cluster = new Cluster({ UNET_REHEARSAL: 'init:delay=3s' });
    const first = cluster.start('up');
    await until(() => cluster.state()?.nodes.some(({ step }) => step === 'init'));
    const second = cluster.start('up');
    let seen = '';
    second.child.stderr.on('data', (chunk) => {
      seen += String(chunk);
    });
    await until(() => seen.includes('kubeadm init'));
    second.child.kill('SIGINT');
    expect((await second.ended).code).toBe(130);
    const up = await first.ended;
    expect(up.code, up.stderr).toBe(0);
    await expectGone(cluster);
  });

  it('says that a release is not there, although it is known at once', async () => {
    const cluster = new Cluster({ UNET_RELEASE: '/nowhere/usernetes' });
    for (let attempt = 0; attempt < 3; attempt += 1) {
      const up = await cluster.unet('up');
      expect(up.code, up.stderr).toBe(2);
      expect(up.stderr).toContain('UNET_RELEASE_NOT_FOUND');
    }
    await cluster.quiet();
  });

  it('may want fewer nodes than the one before it', async () => {
    const cluster = new Cluster({ UNET_REHEARSAL: 'join@node-1:fail=always', UNET_JOIN_ATTEMPTS: '1' });
    expect((await cluster.unet('up')).code).toBe(5);
    const again = await cluster.unet('up', '--min-nodes', '1');
    expect(again.code, again.stderr).toBe(0);
    expect(cluster.state()?.phase).toBe('usable');
    await expectGone(cluster);
  });

  it('after --retain kept a failure starts again from clean nodes', async () => {
    const cluster = new Cluster({ UNET_REHEARSAL: 'init:fail=1' });
    expect((await cluster.unet('up', '--retain')).code).toBe(1);
    expect(cluster.state()?.phase).toBe('failed');
    expect(cluster.residents('agent')).toHaveLength(2);
    delete cluster.env.UNET_REHEARSAL;
    const again = await cluster.unet('up');
    expect(again.code, again.stderr).toBe(0);
    await cluster.unet('down');
    await cluster.quiet();
  });
});
