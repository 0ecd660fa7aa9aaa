import { describe, expect, it } from 'vitest';
import { Cluster } from './cluster.ts';

describe('--stage', () => {
  it.each(['copy', 'none'])('%s brings a cluster up on this machine', async (stage) => {
    const cluster = new Cluster({ UNET_STAGE: stage });
    const run = await cluster.unet('run', '--', 'sh', '-c', 'echo "$UNET_JOB_NODES"');
    expect(run.code, run.stderr).toBe(0);
    expect(run.stdout).toContain('node-0 node-1');
    expect(cluster.left()).toEqual([]);
  });

  it('none is refused for a git URL, which no node has', async () => {
    const cluster = new Cluster();
    const up = await cluster.unet('up', '--stage', 'none', '--release', 'https://host.invalid/r.git#v1');
    expect(up.code, up.stderr).toBe(2);
    expect(up.stderr).toMatch(/UNET_CONFIG_INVALID.*--stage none takes the release that each node has/);
    await cluster.unet('down');
    await cluster.quiet();
  });

  it('archive is refused outside of Flux', async () => {
    const cluster = new Cluster();
    const up = await cluster.unet('up', '--stage', 'archive');
    expect(up.code, up.stderr).toBe(2);
    expect(up.stderr).toMatch(
      /UNET_CONFIG_INVALID.*--stage archive is for Flux, and this is no Flux instance/,
    );
    await cluster.unet('down');
    await cluster.quiet();
  });

  it('something else says what there is', async () => {
    const up = await new Cluster().unet('up', '--stage', 'archvie');
    expect(up.code).toBe(2);
    expect(up.stderr).toMatch(/--stage.*archvie.*one of auto, copy, archive, none/);
  });
});
