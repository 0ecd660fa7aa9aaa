import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { TIME_SCALE, until } from '../process/scratch.ts';
import { FluxJob, JOB } from './flux-job.ts';

vi.setConfig({ testTimeout: 60_000 * TIME_SCALE });

describe('a cluster that prologs make', () => {
  it('comes up by itself, is followed by the script, and goes with the epilogs', async () => {
    const job = new FluxJob();
    const prologs = await Promise.all([job.up(0), job.up(1)]);
    expect(prologs.map(({ code, stderr }) => ({ code, stderr }))).toEqual([
      { code: 0, stderr: '' },
      { code: 0, stderr: '' },
    ]);
    const up = await job.unet('up');
    expect(up.stderr).toContain('the cluster is usable');
    expect(up.code).toBe(0);
    expect(job.pids('supervisor')).toHaveLength(1);
    expect(job.pids('agent')).toHaveLength(2);
    expect((await job.unet('attr', 'nodes')).stdout.trim()).toBe('vm-0 vm-1');
    expect((await job.unet('attr', 'job-id')).stdout.trim()).toBe(JOB.jobId);
    expect((await job.unet('env')).stdout).toContain('KUBECONFIG');
    const epilogs = await Promise.all([job.down(0), job.down(1)]);
    expect(epilogs.map(({ code, stderr }) => ({ code, stderr }))).toEqual([
      { code: 0, stderr: '' },
      { code: 0, stderr: '' },
    ]);
    await job.quiet();
    expect(job.left()).toEqual([]);
  });

  it('keeps the meeting point no longer than until all have met', async () => {
    const job = new FluxJob();
    await job.up(0);
    await until(() => existsSync(join(job.directory, `kvs/job-${JOB.decimal}`)));
    await job.up(1);
    await job.unet('up');
    expect(job.left().filter((path) => path.startsWith('kvs/'))).toEqual([]);
    await Promise.all([job.down(0), job.down(1)]);
    await job.quiet();
  });

  it('is made once, however often a prolog runs', async () => {
    const job = new FluxJob(1);
    await job.up(0);
    await until(() => job.pids('agent').length === 1);
    const before = job.pids('agent');
    const again = await job.up(0);
    expect(again).toMatchObject({ code: 0, stdout: expect.stringContaining('runs already') });
    expect(job.pids('agent')).toEqual(before);
    await job.down(0);
    await job.quiet();
    expect(await job.down(0)).toEqual({ code: 0, stdout: '', stderr: '' });
    expect(job.left()).toEqual([]);
  });

  it('is taken away by "unet down" of the script, and the epilog finds nothing', async () => {
    const job = new FluxJob();
    await Promise.all([job.up(0), job.up(1)]);
    await job.unet('up');
    const down = await job.unet('down');
    expect(down.code, down.stderr).toBe(0);
    await job.quiet();
    expect(job.left()).toEqual([]);
    expect(await job.down(0)).toEqual({ code: 0, stdout: '', stderr: '' });
  });

  it('has the nodes and the release that the job asks for', async () => {
    const job = new FluxJob(2, { UNET_RELEASE: '/nowhere' });
    const asked = { nodes: 1, release: 'rehearsal' };
    const [, other] = await Promise.all([job.up(0, asked), job.up(1, asked)]);
    expect(other?.stdout).toContain('vm-1 is not among the nodes');
    expect((await job.unet('up')).code).toBe(0);
    expect((await job.unet('attr', 'nodes')).stdout.trim()).toBe('vm-0');
    await Promise.all([job.down(0), job.down(1)]);
    await job.quiet();
    expect(job.left()).toEqual([]);
  });

  it.each(['no', false, null])('is not made for a job that says %s', async (usernetes) => {
    const job = new FluxJob(1);
    expect(await job.up(0, usernetes)).toEqual({ code: 0, stdout: '', stderr: '' });
    expect(job.pids('agent')).toEqual([]);
    expect(job.left()).toEqual([]);
  });

  it('is not begun with a setting that is wrong, and that is said', async () => {
    const job = new FluxJob(1);
    const up = await job.up(0, { node: 2 });
    expect(up.code).toBe(2);
    expect(up.stderr).toMatch(/cannot ask its prolog for "node".*did you mean nodes/);
    expect(await job.up(0, { nodes: 'many' })).toMatchObject({ code: 2 });
    expect((await job.up(0, { nodes: 2 })).stderr).toContain('--nodes 2: the allocation has 1');
    expect(job.left()).toEqual([]);
  });
});

describe('an epilog', () => {
  /** A cluster that broke keeps its logs. */
  const leftButLogs = (job: FluxJob) =>
    job.left().filter((path) => !/unet(\/jobs(\/[^/]+(\/(state\.json|logs)(\/.*)?)?)?)?$/.test(path));

  it('cleans behind a supervisor that was killed', async () => {
    const job = new FluxJob();
    await Promise.all([job.up(0), job.up(1)]);
    await job.unet('up');
    process.kill(job.pids('supervisor')[0] ?? 0, 'SIGKILL');
    const epilogs = await Promise.all([job.down(0), job.down(1)]);
    expect(epilogs.map(({ code }) => code)).toEqual([0, 0]);
    await job.quiet();
    expect(leftButLogs(job)).toEqual([]);
  });

  it('cleans behind agents that were killed', async () => {
    const job = new FluxJob();
    await Promise.all([job.up(0), job.up(1)]);
    await job.unet('up');
    for (const pid of job.pids('agent')) {
      process.kill(pid, 'SIGKILL');
    }
    const epilogs = await Promise.all([job.down(0), job.down(1)]);
    expect(epilogs.map(({ code }) => code)).toEqual([0, 0]);
    await job.quiet();
    expect(leftButLogs(job)).toEqual([]);
  });

  it('ends what hangs within its deadline', async () => {
    const job = new FluxJob();
    await Promise.all([job.up(0), job.up(1)]);
    await job.unet('up');
    for (const pid of [...job.pids('agent'), ...job.pids('supervisor')]) {
      process.kill(pid, 'SIGSTOP');
    }
    const epilogs = await Promise.all([job.down(0, '6s'), job.down(1, '6s')]);
    expect(epilogs.map(({ code, stderr }) => ({ code, stderr }))).toEqual([
      { code: 0, stderr: '' },
      { code: 0, stderr: '' },
    ]);
    await job.quiet();
    expect(job.left()).toEqual([]);
  });

  it('that failed is what a guest hears of, and not that an instance is needed', async () => {
    const job = new FluxJob(1, { UNET_REHEARSAL: 'init:fail=9' });
    await job.up(0);
    await job.quiet();
    job.becomeGuest();
    const { code, stderr } = await job.unet('env');
    expect(stderr).toContain(`there is no cluster in ${JOB.jobId}`);
    expect(stderr).toMatch(/the last one failed: .*its logs are in \S+\/logs/);
    expect(code).toBe(1);
    expect(await job.unet('down')).toMatchObject({
      code: 0,
      stderr: expect.stringContaining('nothing to take down'),
    });
  });

  it('ends an agent that still waits for a lead whose prolog has failed', async () => {
    const job = new FluxJob();
    await job.up(1);
    await until(() => job.pids('agent').length === 1);
    expect(await job.down(1)).toMatchObject({ code: 0, stderr: '' });
    await job.quiet();
    expect(job.left()).toEqual([]);
  });

  it('in the middle of a bring-up leaves nothing', async () => {
    const job = new FluxJob(2, { UNET_REHEARSAL: 'init:delay=60s' });
    await Promise.all([job.up(0), job.up(1)]);
    await until(() => existsSync(join(job.jobDirectory, 'logs/vm-0/init.log')));
    const epilogs = await Promise.all([job.down(0), job.down(1)]);
    expect(epilogs.map(({ code }) => code)).toEqual([0, 0]);
    await job.quiet();
    expect(job.left()).toEqual([]);
  });
});
