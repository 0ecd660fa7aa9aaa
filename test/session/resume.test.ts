import { describe, expect, it } from 'vitest';
import { until } from '../process/scratch.ts';
import { Cluster } from './cluster.ts';

async function takeAway(cluster: Cluster): Promise<void> {
  const down = await cluster.unet('down');
  expect(down.code, down.stderr).toBe(0);
  await cluster.quiet();
}

describe('what has failed', () => {
  it.each(['shared-fs', 'stdio'])(
    'is named, exit 5, and tried again by a second up (join record by %s)',
    async (via) => {
      // The first try of the first `up` fails; that of the second one does not.
      const cluster = new Cluster({
        UNET_REHEARSAL: 'join@node-1:fail=1:mode=timeout',
        UNET_JOIN_ATTEMPTS: '1',
        UNET_JOIN_VIA: via,
      });
      const first = await cluster.unet('up');
      expect(first.code, first.stderr).toBe(5);
      expect(first.stderr).toContain('missing: node-1 (UNET_JOIN_TIMEOUT)');
      expect(cluster.state()?.phase).toBe('degraded');
      const second = await cluster.unet('up');
      expect(second.code, second.stderr).toBe(0);
      // The lead was Ready before, and is measured no second time.
      expect(second.stderr).toContain('node-1: Ready (2/2)');
      expect(second.stderr).not.toMatch(/^ +kubeadm init +lead/m);
      expect(cluster.phases()).toEqual({ 'node-0': 'ready', 'node-1': 'ready' });
      await takeAway(cluster);
      expect(cluster.left()).toEqual([]);
    },
  );

  it('because its agent was killed is cleaned, and started again by a second up', async () => {
    const cluster = new Cluster();
    expect((await cluster.unet('up')).code).toBe(0);
    const [agent] = cluster.residents('agent', 'node-1');
    process.kill(agent ?? 0, 'SIGKILL');
    await until(
      () =>
        cluster.phases()['node-1'] === 'lost' &&
        cluster.residents('agent', 'node-1').length === 0 &&
        !cluster.left().some((path) => /^node\/.*\/node-1$/.test(path)),
    );
    expect(cluster.state()?.phase).toBe('degraded');
    const again = await cluster.unet('up');
    expect(again.code, again.stderr).toBe(0);
    expect(cluster.phases()).toEqual({ 'node-0': 'ready', 'node-1': 'ready' });
    await takeAway(cluster);
    expect(cluster.left()).toEqual([]);
  });

  it('on a node before its container ran is tried again from the start', async () => {
    const cluster = new Cluster({ UNET_REHEARSAL: 'up@node-1:fail=1' });
    const first = await cluster.unet('up');
    expect(first.code, first.stderr).toBe(5);
    const second = await cluster.unet('up');
    expect(second.code, second.stderr).toBe(0);
    await takeAway(cluster);
    expect(cluster.left()).toEqual([]);
  });
});
