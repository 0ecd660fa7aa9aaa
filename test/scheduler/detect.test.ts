import { hostname } from 'node:os';
import { describe, expect, it } from 'vitest';
import { type DetectOptions, detectAllocation } from '../../src/scheduler/detect.ts';
import { scratch } from '../process/scratch.ts';
import { fakeSlurm, manyHostnames, recordedEnvironment } from '../slurm/fake-slurm.ts';

function detect(env: NodeJS.ProcessEnv, more: Partial<DetectOptions> = {}) {
  return detectAllocation({ kind: 'auto', name: 'default', env, ...more });
}

function inSlurm(
  name: Parameters<typeof recordedEnvironment>[0],
  answers: Parameters<typeof fakeSlurm>[1] = {},
) {
  return { ...recordedEnvironment(name), PATH: fakeSlurm(scratch(), answers) };
}

describe('an allocation of Slurm', () => {
  it('in a batch script has its nodes, this one, and an end', async () => {
    const before = Date.now();
    const allocation = await detect(inSlurm('sbatch-env.txt'));
    expect(allocation).toMatchObject({
      kind: 'slurm',
      jobId: 'slurm-9',
      schedulerJobId: '9',
      nodes: ['n0', 'n1', 'n2'],
      self: 'n0',
    });
    expect((allocation.endsAt ?? 0) - before).toBeGreaterThanOrEqual(600_000);
  });

  it('in a task of srun is the same job, seen from another node', async () => {
    expect(await detect(inSlurm('srun-env.txt'))).toMatchObject({
      jobId: 'slurm-9',
      nodes: ['n0', 'n1', 'n2'],
      self: 'n2',
    });
  });

  it('in a shell of salloc on a login node does not contain that node', async () => {
    const allocation = await detect(inSlurm('salloc-env.txt'));
    expect(allocation.jobId).toBe('slurm-10');
    expect(allocation.self).toBeUndefined();
  });

  it('in a shell of salloc on one of its nodes is known by the host name', async () => {
    const here = hostname().split('.')[0] ?? '';
    expect((await detect(inSlurm('salloc-env.txt', { hostnames: `n0\n${here}\n` }))).self).toBe(here);
  });

  it('without a time limit has no end', async () => {
    expect((await detect(inSlurm('sbatch-env.txt', { timeLeft: 'UNLIMITED' }))).endsAt).toBeUndefined();
  });

  it('can be used in part', async () => {
    expect((await detect(inSlurm('sbatch-env.txt'), { nodes: 2 })).nodes).toEqual(['n0', 'n1']);
  });

  it('has no more nodes than it has', async () => {
    await expect(detect(inSlurm('sbatch-env.txt'), { nodes: 4 })).rejects.toMatchObject({
      code: 'UNET_USAGE',
      message: '--nodes 4: the allocation has 3',
    });
  });

  it('may be larger than the pod network, when fewer nodes are used', async () => {
    const env = inSlurm('sbatch-env.txt', { hostnames: manyHostnames(257) });
    await expect(detect(env)).rejects.toMatchObject({
      code: 'UNET_TOO_MANY_NODES',
      message: expect.stringContaining('257 nodes'),
    });
    expect((await detect(env, { nodes: 256 })).nodes).toHaveLength(256);
  });

  it('is one too while slurmctld does not answer: then the time left is not known', async () => {
    const squeue =
      '#!/bin/sh\necho "slurm_load_jobs error: Unable to contact slurm controller" >&2\nexit 1\n';
    const allocation = await detect(inSlurm('sbatch-env.txt', { squeue }));
    expect(allocation).toMatchObject({ kind: 'slurm', nodes: ['n0', 'n1', 'n2'] });
    expect(allocation.endsAt).toBeUndefined();
  });

  it('whose nodes Slurm cannot name says what Slurm said', async () => {
    const scontrol = '#!/bin/sh\necho "scontrol: error: no such list" >&2\nexit 1\n';
    await expect(detect(inSlurm('sbatch-env.txt', { scontrol }))).rejects.toMatchObject({
      code: 'UNET_ALLOCATION_UNREADABLE',
      details: { tail: ['scontrol: error: no such list'] },
    });
  });

  it('that is asked for must be there', async () => {
    await expect(detect({}, { kind: 'slurm' })).rejects.toMatchObject({
      code: 'UNET_NO_ALLOCATION',
      exitCode: 2,
    });
  });

  it('is not believed in an environment that no Slurm makes', async () => {
    await expect(detect({ SLURM_JOB_ID: '9; rm -rf /', SLURM_JOB_NODELIST: 'n0' })).rejects.toMatchObject({
      code: 'UNET_NO_ALLOCATION',
    });
  });
});

describe('without a scheduler', () => {
  it('says what was looked for and what to do', async () => {
    await expect(detect({})).rejects.toMatchObject({
      code: 'UNET_NO_ALLOCATION',
      message: expect.stringContaining('SLURM_JOB_ID'),
      details: { remedy: expect.stringContaining('--allocation local') },
    });
  });

  it('this machine alone can be asked for', async () => {
    expect(await detect({}, { kind: 'local', nodes: 2, name: 'try' })).toEqual({
      kind: 'local',
      jobId: 'local-try',
      nodes: ['node-0', 'node-1'],
      self: 'node-0',
    });
  });

  it('a local cluster that is up is what is meant', async () => {
    expect((await detect({}, { fallback: 'local' })).jobId).toBe('local-default');
  });

  it('this machine can be asked for inside a job of Slurm', async () => {
    expect((await detect(recordedEnvironment('sbatch-env.txt'), { kind: 'local' })).kind).toBe('local');
  });
});
