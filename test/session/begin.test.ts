import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { UnetEvent } from '../../src/events/types.ts';
import type { JobState } from '../../src/job/state.ts';
import { ownIdentity } from '../../src/process/identity.ts';
import { replay } from '../../src/supervisor/replay.ts';
import { stateOf } from '../flux/flux-job.ts';
import { Cluster } from './cluster.ts';

/** A place outside of any allocation where a local cluster has been, whose state this is. */
function after(more: Partial<JobState>): Cluster {
  const cluster = new Cluster({ UNET_ALLOCATION: undefined, UNET_NODES: undefined });
  mkdirSync(join(cluster.jobDirectory, 'logs'), { recursive: true, mode: 0o700 });
  const state = { ...stateOf('/x', more), jobId: `local-${cluster.name}` };
  writeFileSync(join(cluster.jobDirectory, 'state.json'), JSON.stringify(state), { mode: 0o600 });
  return cluster;
}

const supervisor = {
  ...ownIdentity(),
  host: 'n0',
  pid: 2 ** 22 + 1,
  socket: '',
  alive: '2026-11-20T17:11:18Z',
};

describe('unet up outside of an allocation', () => {
  it.each([
    ['the kept logs of a failed one', { phase: 'stopped', supervisor }],
    ['one whose supervisor has died', { phase: 'usable', supervisor }],
  ])('is not local for %s', async (_, state) => {
    const cluster = after(state);
    for (const command of [['up'], ['run', '--', 'true']]) {
      const up = await cluster.unet(...command);
      expect(up.stderr).toContain('UNET_NO_ALLOCATION');
      expect(up.code).toBe(2);
    }
  });

  it('refuses a release that is not there once, before anything is begun', async () => {
    const cluster = new Cluster();
    const up = await cluster.unet('up', '--release', 'nope');
    expect(up.code).toBe(2);
    expect(up.stderr.match(/there is no release/g)).toHaveLength(1);
    expect(cluster.left()).toEqual([]);
  });
});

describe('unet status', () => {
  it('says why a cluster is gone whose supervisor was killed, and where its logs are', async () => {
    const cluster = after({ phase: 'stopped', supervisor, message: 'the supervisor is gone: input ended' });
    const status = await cluster.unet('status');
    expect(status.stderr).toContain('the last one is gone: the supervisor is gone: input ended');
    expect(status.stderr).toContain(join(cluster.jobDirectory, 'logs'));
    expect(status.code).toBe(1);
  });
});

it('unet rehearse has no --release, which it would not obey', async () => {
  const cluster = new Cluster();
  expect((await cluster.unet('rehearse', '--help')).stdout).not.toContain('--release');
  expect((await cluster.unet('rehearse', '--release', 'rehearsal')).stderr).toContain(
    'unknown flag --release',
  );
});

it('a retained failure that is started again is not told again', () => {
  const stamp = { time: '2026-11-20T17:11:18Z', at: 0 };
  const events: UnetEvent[] = [
    { ...stamp, seq: 1, type: 'cluster', phase: 'bringing-up' },
    {
      ...stamp,
      seq: 2,
      type: 'error',
      error: { code: 'UNET_STEP_FAILED', message: 'make up exited with 2' },
    },
    { ...stamp, seq: 3, type: 'cluster', phase: 'failed', retained: true },
    { ...stamp, seq: 4, type: 'cluster', phase: 'stopping', restarting: true },
  ];
  expect(replay(events, 'stopping')).toEqual({ events: events.slice(3), lastSeq: 4 });
  expect(replay(events.slice(0, 3), 'failed').events).toHaveLength(3);
});
