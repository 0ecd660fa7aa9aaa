import { existsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { FluxJob, JOB } from '../hooks/flux-job.ts';
import { until } from '../process/scratch.ts';

const presence = `tmp/unet-${process.getuid?.()}/${JOB.jobId}/.prolog/vm-1.json`;

describe('an agent that a prolog has started', () => {
  it('takes its presence away when its supervisor is killed, and ends by itself', async () => {
    const job = new FluxJob(2, { UNET_HEARTBEAT: '500ms', UNET_SILENCE: '2s' });
    await Promise.all([job.up(0), job.up(1)]);
    expect(existsSync(`${job.directory}/${presence}`)).toBe(true);
    await job.unet('up');
    process.kill(job.pids('supervisor')[0] ?? 0, 'SIGKILL');
    await until(() => job.pids('agent').length === 0);
    expect(job.left().filter((path) => path.includes('.prolog') || path.includes('vm-1.json'))).toEqual([]);
    await job.quiet();
  });

  it('gives up looking for a supervisor after --timeout', async () => {
    const job = new FluxJob(2, { UNET_TIMEOUT: '1s' });
    await job.up(1);
    await job.quiet();
    expect(job.left()).toEqual([]);
  });

  it('is known to the epilog as soon as the prolog has ended', async () => {
    const job = new FluxJob(2);
    await job.up(1);
    await job.down(1);
    await job.quiet();
    expect(job.left()).toEqual([]);
  });
});
