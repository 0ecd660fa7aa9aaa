import { rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { describe, expect, it } from 'vitest';
import { until } from '../process/scratch.ts';
import { Cluster } from './cluster.ts';

describe('a cluster', () => {
  it('comes up, is found up, and goes without a trace', async () => {
    const cluster = new Cluster();
    const up = await cluster.unet('up');
    expect(up.code, up.stderr).toBe(0);
    expect(cluster.state()).toMatchObject({ phase: 'usable', lead: 'node-0' });
    expect(cluster.phases()).toEqual({ 'node-0': 'ready', 'node-1': 'ready' });
    expect(statSync(cluster.state()?.kubeconfig ?? '').mode & 0o777).toBe(0o600);
    const supervisors = cluster.residents('supervisor');
    expect(supervisors).toEqual([cluster.state()?.supervisor.pid]);
    // Idempotent: the second one makes no other cluster.
    expect((await cluster.unet('up')).code).toBe(0);
    await until(() => isDeepStrictEqual(cluster.residents('supervisor'), supervisors));
    const down = await cluster.unet('down');
    expect(down.code, down.stderr).toBe(0);
    await cluster.quiet();
    expect(cluster.left()).toEqual([]);
    expect((await cluster.unet('down')).code).toBe(0);
  });

  it('is not begun by a command that is wrong, and goes on without the command that began it', async () => {
    const cluster = new Cluster();
    expect((await cluster.unet('up', '--nodes', 'two')).code).toBe(2);
    await cluster.quiet();
    const { child, ended } = cluster.start('up');
    await until(() => cluster.residents('supervisor').length === 1);
    child.kill('SIGKILL');
    await ended;
    await until(() => cluster.state() !== undefined);
    const down = await cluster.unet('down');
    expect(down.code, down.stderr).toBe(0);
    await cluster.quiet();
    expect(cluster.left()).toEqual([]);
  });

  it('has the name that only a file says', async () => {
    const cluster = new Cluster({ UNET_NAME: undefined });
    writeFileSync(join(cluster.directory, 'home', 'unet.yaml'), `name: ${cluster.name}\n`);
    const up = await cluster.unet('up');
    expect(up.code, up.stderr).toBe(0);
    await until(() => cluster.residents('agent').length === 2);
    expect(cluster.residents('agent', `local-${cluster.name}`)).toHaveLength(2);
    await cluster.unet('down');
    await cluster.quiet();
    expect(cluster.left()).toEqual([]);
  });

  it('whose socket cannot be seen, as from a /tmp of the job’s own, is followed and taken down by its files', async () => {
    const cluster = new Cluster();
    await cluster.unet('up');
    const supervisors = cluster.residents('supervisor');
    rmSync(cluster.state()?.supervisor.socket ?? '');
    const up = await cluster.unet('up');
    expect(up.code, up.stderr).toBe(0);
    await until(() => isDeepStrictEqual(cluster.residents('supervisor'), supervisors));
    const down = await cluster.unet('down');
    expect(down.code, down.stderr).toBe(0);
    await cluster.quiet();
    expect(cluster.left()).toEqual([]);
  });

  it('of two commands at the same time is one cluster, which both follow', async () => {
    const cluster = new Cluster();
    const [one, other] = await Promise.all([cluster.unet('up'), cluster.unet('up')]);
    expect([one.code, other.code], one.stderr + other.stderr).toEqual([0, 0]);
    // The one that came second waits for a moment whether the first one is just ending.
    await until(() => cluster.residents('supervisor').length === 1);
    await until(() => cluster.residents('agent').length === 2);
    await cluster.unet('down');
    await cluster.quiet();
  });

  it('with a worker that cannot join is usable when fewer are enough', async () => {
    const cluster = new Cluster({ UNET_REHEARSAL: 'join@node-1:fail=always', UNET_JOIN_ATTEMPTS: '1' });
    const up = await cluster.unet('up', '--min-nodes', '1');
    expect(up.code, up.stderr).toBe(0);
    expect(cluster.phases()).toEqual({ 'node-0': 'ready', 'node-1': 'failed' });
    expect(up.stderr).toContain('node-1');
    await cluster.unet('down');
    await cluster.quiet();
  });

  it('whose supervisor is killed is taken away by its agents, and another one can follow', async () => {
    const cluster = new Cluster();
    await cluster.unet('up');
    process.kill(cluster.state()?.supervisor.pid ?? 0, 'SIGKILL');
    await cluster.quiet();
    expect(cluster.state()?.phase).toBe('stopped');
    // The logs stay for a look, and nothing else: no secret, no container, no socket.
    expect(
      cluster.left().filter((path) => !/^job\/local-[^/]+(\/(state\.json|logs(\/.*)?))?$/.test(path)),
    ).toEqual([]);
    const again = await cluster.unet('up');
    expect(again.code, again.stderr).toBe(0);
    await cluster.unet('down');
    await cluster.quiet();
    expect(cluster.left()).toEqual([]);
  });

  it('that is interrupted while it comes up is gone when the command ends', async () => {
    const cluster = new Cluster({ UNET_REHEARSAL: 'init:delay=60s' });
    const { child, ended } = cluster.start('up');
    await until(() => cluster.state()?.nodes.some(({ step }) => step === 'init'));
    child.kill('SIGINT');
    expect((await ended).code).toBe(130);
    await cluster.quiet();
    expect(cluster.left()).toEqual([]);
  });

  it('that runs a command ends with it, and with its exit code', async () => {
    const cluster = new Cluster();
    const run = await cluster.unet(
      'run',
      '--',
      'sh',
      '-c',
      'test -r "$KUBECONFIG" && echo "nodes: $UNET_JOB_NODES"; exit 7',
    );
    expect(run.code, run.stderr).toBe(7);
    expect(run.stdout).toBe('nodes: node-0 node-1\n');
    await cluster.quiet();
    expect(cluster.left()).toEqual([]);
  });

  it('that fails on its lead says node, step and log, and keeps the logs only', async () => {
    const cluster = new Cluster({ UNET_REHEARSAL: 'init:fail=always' });
    const up = await cluster.unet('up');
    expect(up.code).toBe(1);
    expect(up.stderr).toContain('UNET_STEP_FAILED');
    expect(up.stderr).toContain('node-0');
    expect(up.stderr).toContain(`${cluster.jobDirectory}/logs/node-0/init.log`);
    await cluster.quiet();
    expect(
      cluster.left().filter((path) => !/^job\/local-[^/]+(\/(state\.json|logs(\/.*)?))?$/.test(path)),
    ).toEqual([]);
  });
});
