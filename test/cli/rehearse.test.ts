import { describe, expect, it } from 'vitest';
import { calls, fakeFlux } from '../flux/fake-flux.ts';
import { scratch } from '../process/scratch.ts';
import { Cluster } from '../session/cluster.ts';

describe('unet rehearse', () => {
  it('in a Flux instance asks that for its nodes, as every other command does', async () => {
    const flux = scratch();
    const cluster = new Cluster({
      UNET_ALLOCATION: undefined,
      UNET_NODES: undefined,
      FLUX_URI: 'local:///inner',
      PATH: fakeFlux(flux, {
        before: '[ "$1" = exec ] && { echo "flux-exec: no brokers here" >&2; exit 68; }',
      }),
    });
    const { stderr } = await cluster.unet('rehearse', '--timeout', '5s');
    expect(calls(flux)).toContain('getattr hostlist');
    expect(stderr).not.toContain('node-0');
    await cluster.unet('down', '--allocation', 'flux');
  });

  it('outside of any allocation is on this machine alone', async () => {
    const cluster = new Cluster({ UNET_ALLOCATION: undefined, UNET_NODES: '1' });
    const up = await cluster.unet('rehearse');
    expect(up.code, up.stderr).toBe(0);
    expect((await cluster.unet('status', '--json')).stdout).toContain(`local-${cluster.name}`);
    await cluster.unet('down');
    await cluster.quiet();
    expect(cluster.left()).toEqual([]);
  });
});
