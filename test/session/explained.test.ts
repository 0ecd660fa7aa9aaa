/** What explains a failure survives the teardown. */
import { describe, expect, it } from 'vitest';
import { Cluster } from './cluster.ts';

describe('a bring-up that fails', () => {
  it('in init quotes the container that fails, and keeps the logs of kubelet and pods', async () => {
    const cluster = new Cluster({ UNET_REHEARSAL: 'init:mode=flag', UNET_NODES: '1' });
    const up = await cluster.unet('up');
    expect(up.code).toBe(1);
    expect(up.stderr).toContain(
      'kube-apiserver of kube-system/kube-apiserver-u7s-node-0, restarted 4 times, said:',
    );
    expect(up.stderr).toContain('Error: unknown flag: --retired-flag');
    const logs = `${cluster.jobDirectory}/logs/node-0`;
    expect(up.stderr).toContain(`the logs of kubelet and pods are in ${logs}`);
    await cluster.quiet();
    expect(cluster.log('node-0', 'pods')).toContain('unknown flag');
    expect(cluster.log('node-0', 'kubelet')).toContain('containerd successfully booted');
  });

  it('for its DNS names a file that is there', async () => {
    const cluster = new Cluster({
      UNET_REHEARSAL: 'dns:mode=pending',
      UNET_NODES: '1',
    });
    const up = await cluster.unet('up', '--step-timeout', 'dns=1s');
    expect(up.code).toBe(4);
    expect(up.stderr).toContain('The pods, their events and logs are in the logs');
    expect(up.stderr).toContain(`${cluster.jobDirectory}/logs/node-0/cluster.txt`);
    expect(up.stderr).not.toContain('unet kubectl');
    await cluster.quiet();
    expect(cluster.text('node-0', 'cluster.txt')).toContain('kubectl --request-timeout=5s get nodes,pods');
  });

  it('by the preflight of the release has a code and a remedy, before an image is asked for', async () => {
    const cluster = new Cluster({ UNET_REHEARSAL: 'preflight:mode=user-session', UNET_NODES: '1' });
    const up = await cluster.unet('up', '--image', 'localhost/none:1');
    expect(up.code).toBe(3);
    expect(up.stderr).toContain('UNET_USER_SESSION on node-0 in step stage: ');
    expect(up.stderr).toContain('loginctl enable-linger');
    await cluster.quiet();
  });
});
