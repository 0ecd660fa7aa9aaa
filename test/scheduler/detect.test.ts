import { hostname } from 'node:os';
import { describe, expect, it } from 'vitest';
import { UnetError } from '../../src/errors.ts';
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

  /** A squeue that lists these jobs, and a scontrol that expands n[0-2] and the like. */
  function slurmWith(jobs: string): { PATH: string } {
    const scontrol = `#!/bin/sh
case "$3" in *,* | *'['*) echo "$3" | sed 's/n\\[1-2\\]/n1\\nn2/; s/n\\[0-2\\]/n0\\nn1\\nn2/' ;; *) echo "$3" ;; esac\n`;
    return { PATH: fakeSlurm(scratch(), { scontrol, squeue: `#!/bin/sh\n${jobs}\n` }) };
  }
  const uid = process.getuid?.();

  it('of several components has the nodes of all, and in a task of any of them', async () => {
    const het = {
      ...slurmWith(`echo '8|7+1|RUNNING|${uid}|5:00|n[1-2]'; echo '7|7+0|RUNNING|${uid}|5:00|n0'`),
      SLURM_HET_SIZE: '2',
      SLURM_JOB_ID: '7',
      SLURM_JOB_ID_HET_GROUP_0: '7',
      SLURM_JOB_ID_HET_GROUP_1: '8',
      SLURM_JOB_NODELIST: 'n0',
      SLURM_JOB_NODELIST_HET_GROUP_0: 'n0',
      SLURM_JOB_NODELIST_HET_GROUP_1: 'n[1-2]',
    };
    const expected = {
      jobId: 'slurm-7',
      schedulerJobId: '7',
      nodes: ['n0', 'n1', 'n2'],
      details: { components: [['n0'], ['n1', 'n2']] },
    };
    expect(await detect(het)).toMatchObject(expected);
    expect(await detect({ ...het, SLURM_JOB_ID: '8', SLURM_JOB_NODELIST: 'n2' })).toMatchObject(expected);
    expect((await detect(het, { nodes: 2 })).nodes).toEqual(['n0', 'n1']);
    // From outside, by its id alone.
    expect(await detect({ PATH: het.PATH, SLURM_JOB_ID: '7' })).toMatchObject(expected);
  });

  it('that is named by SLURM_JOB_ID alone, as from a login node, has the nodes that Slurm says', async () => {
    const slurm = slurmWith(`echo '8|8|RUNNING|${uid}|5:00|n[1-2]'`);
    const allocation = await detect({ ...slurm, SLURM_JOB_ID: '8' });
    expect(allocation).toMatchObject({ jobId: 'slurm-8', nodes: ['n1', 'n2'] });
    expect(allocation.ended).toBeUndefined();
    // Typed inside another job.
    const other = { ...recordedEnvironment('sbatch-env.txt'), ...slurm, SLURM_JOB_ID: '8' };
    expect(await detect(other)).toMatchObject({ jobId: 'slurm-8', nodes: ['n1', 'n2'] });
    expect((await detect(other)).self).toBeUndefined();
  });

  it.each([
    ['is over', 'echo "slurm_load_jobs error: Invalid job id specified" >&2; exit 1', /job 8 .* is over/],
    ['has ended a moment ago', 'exit 0', /job 8 .* is over/],
    ['has no nodes yet', `echo '8|8|PENDING|${uid}|5:00|'`, /job 8 .* is PENDING: it has no nodes/],
    ['is another user’s', "echo '8|8|RUNNING|4711|5:00|n0'", /job 8 .* belongs to another user \(id 4711\)/],
  ])('that %s and is named by SLURM_JOB_ID alone is said to be so', async (_, squeue, message) => {
    await expect(detect({ ...slurmWith(squeue), SLURM_JOB_ID: '8' })).rejects.toMatchObject({
      code: 'UNET_NO_ALLOCATION',
      message: expect.stringMatching(message),
    });
  });

  it('that a shell has outlived is over', async () => {
    const env = { ...recordedEnvironment('salloc-env.txt'), ...slurmWith('exit 0') };
    expect(await detect(env)).toMatchObject({ jobId: 'slurm-10', ended: true });
  });

  it('is the array task that is meant', async () => {
    const slurm = slurmWith(`echo '9|8_2|RUNNING|${uid}|5:00|n2'; echo '8|8_1|RUNNING|${uid}|5:00|n1'`);
    expect(await detect({ ...slurm, SLURM_JOB_ID: '8' })).toMatchObject({ nodes: ['n1'] });
  });

  it('about which Slurm was being asked when the command was told to end is no fault of Slurm', async () => {
    const telling = new AbortController();
    const scontrol = '#!/bin/sh\nexec sleep 60\n';
    const reason = new UnetError('UNET_INTERRUPTED', 'interrupted by SIGTERM', { exitCode: 143 });
    setTimeout(() => telling.abort(reason), 100);
    await expect(
      detect(inSlurm('sbatch-env.txt', { scontrol }), { signal: telling.signal }),
    ).rejects.toMatchObject({ code: 'UNET_INTERRUPTED', exitCode: 143 });
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
