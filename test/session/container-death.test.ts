/** The node's container ends while all of unet lives on: said, and mended by another `up`. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { processesOf, until } from '../process/scratch.ts';
import { Cluster } from './cluster.ts';

/** Of the node's container: `SIGKILL` is what `podman kill` does. */
function signal(cluster: Cluster, node: string, name: NodeJS.Signals): void {
  const pids = processesOf(cluster.directory).filter((pid) => {
    const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
    return (
      words.some((word) => word.includes('unet-rehearsal-node')) &&
      words.some((word) => word.endsWith(`-${node}`))
    );
  });
  expect(pids).toHaveLength(1);
  process.kill(pids[0] ?? 0, name);
}

async function takeAway(cluster: Cluster): Promise<void> {
  const down = await cluster.unet('down');
  expect(down.code, down.stderr).toBe(0);
  await cluster.quiet();
  expect(cluster.left()).toEqual([]);
}

describe('a container that ends', () => {
  it('on a worker makes the cluster degraded, and another up starts the node again from nothing', async () => {
    const cluster = new Cluster();
    expect((await cluster.unet('up')).code).toBe(0);
    signal(cluster, 'node-1', 'SIGKILL');
    await until(() => cluster.state()?.phase === 'degraded');
    const status = await cluster.unet('status');
    expect(status.stdout).toMatch(/: degraded, /);
    expect(status.stdout).toContain('the node’s container does not run: Exited (137)');
    const again = await cluster.unet('up');
    expect(again.code, again.stderr).toBe(0);
    expect(cluster.log('node-1', 'up')).toContain('it is taken down first');
    expect(cluster.phases()).toEqual({ 'node-0': 'ready', 'node-1': 'ready' });
    await takeAway(cluster);
  });

  it('while the lead is in init costs one try to join, and is named', async () => {
    const cluster = new Cluster({ UNET_REHEARSAL: 'init:delay=3s' });
    const { ended } = cluster.start('up');
    await until(() => cluster.state()?.nodes.every(({ step }) => step === 'init' || step === 'await-join'));
    signal(cluster, 'node-1', 'SIGKILL');
    const up = await ended;
    expect(up.code, up.stderr).toBe(5);
    expect(up.stderr).toContain('missing: node-1 (UNET_NODE_NOT_RUNNING)');
    expect(up.stderr).not.toMatch(/attempt \d failed/);
    const again = await cluster.unet('up');
    expect(again.code, again.stderr).toBe(0);
    await takeAway(cluster);
  });

  it('on the lead is the end of the cluster, which status says with its cause', async () => {
    const cluster = new Cluster();
    expect((await cluster.unet('up')).code).toBe(0);
    signal(cluster, 'node-0', 'SIGKILL');
    await cluster.quiet();
    const status = await cluster.unet('status');
    expect(status.code).toBe(1);
    expect(status.stderr).toContain(
      'the control plane is lost: node-0: the node’s container does not run: Exited (137)',
    );
    expect(readdirSync(join(cluster.directory, 'node'))).toEqual([]);
  });
});

it('an API server that stays away makes the cluster degraded, which up and status say', async () => {
  const cluster = new Cluster({
    UNET_HEARTBEAT: '300ms',
    UNET_SILENCE: '1s',
    UNET_NODES: '1',
  });
  expect((await cluster.unet('up')).code).toBe(0);
  signal(cluster, 'node-0', 'SIGUSR2');
  await until(() => cluster.state()?.phase === 'degraded');
  const status = await cluster.unet('status');
  expect(status.stdout).toMatch(/UNET_API_SILENT: the API server on node-0 has not answered for 1 s: /);
  const up = await cluster.unet('up');
  expect(up.code).toBe(1);
  expect(up.stderr).toContain('UNET_API_SILENT');
  signal(cluster, 'node-0', 'SIGUSR2');
  await until(() => cluster.state()?.phase === 'usable');
  await takeAway(cluster);
});
