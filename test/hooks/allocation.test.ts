import { describe, expect, it } from 'vitest';
import { type HookScheduler, hookJob, hooksOf } from '../../src/hooks/schedulers.ts';
import { program, scratch } from '../process/scratch.ts';

const signal = new AbortController().signal;

const hookAllocation = (scheduler: HookScheduler, env: NodeJS.ProcessEnv, until: AbortSignal) =>
  hooksOf(scheduler).allocation(env, hookJob(scheduler, env), until);

/** What slurmd of Slurm 22.05 gives its prologs, seen; with the commands that may be needed. */
function slurmEnvironment(more: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
  const directory = scratch();
  program(directory, 'scontrol', '#!/bin/sh\n[ "$3" = "n[0-1]" ] && printf "n0\\nn1\\n"\n');
  program(
    directory,
    'squeue',
    '#!/bin/sh\ncase "$*" in *%N) echo "n[0-1]";; *%L) echo 10:00;; *) exit 1;; esac\n',
  );
  return {
    PATH: `${directory}:/usr/bin:/bin`,
    SLURMD_NODENAME: 'n1',
    SLURM_JOB_ID: '42',
    SLURM_NODELIST: 'n[0-1]',
    SLURM_SCRIPT_CONTEXT: 'prolog_slurmd',
    ...more,
  };
}

describe('the allocation of a prolog', () => {
  it('of Slurm is read from its environment, and a worker does not ask slurmctld', async () => {
    expect(await hookAllocation('slurm', slurmEnvironment(), signal)).toEqual({
      kind: 'slurm',
      jobId: 'slurm-42',
      schedulerJobId: '42',
      nodes: ['n0', 'n1'],
      self: 'n1',
      endsAt: undefined,
      attached: { via: 'shared-fs' },
    });
  });

  it('of Slurm has its end on the lead', async () => {
    const allocation = await hookAllocation('slurm', slurmEnvironment({ SLURMD_NODENAME: 'n0' }), signal);
    expect(allocation.self).toBe('n0');
    expect(allocation.endsAt).toBeGreaterThan(Date.now());
  });

  it('of an older Slurm that names no nodes asks for them', async () => {
    const allocation = await hookAllocation('slurm', slurmEnvironment({ SLURM_NODELIST: undefined }), signal);
    expect(allocation.nodes).toEqual(['n0', 'n1']);
  });

  it('on a host that is no node of the job is refused', async () => {
    const env = slurmEnvironment({ SLURMD_NODENAME: 'n9' });
    await expect(hookAllocation('slurm', env, signal)).rejects.toThrow('is not a node of the job');
  });

  it('is none without a job', () => {
    expect(() => hookJob('slurm', {})).toThrow('this is no prolog or epilog of slurm: SLURM_JOB_ID is ""');
    expect(() => hookJob('flux', { FLUX_JOB_ID: 'x' })).toThrow('FLUX_JOB_ID is "x"');
  });

  it.each(['ƒHQo3vP', 'fHQo3vP', '10770972672'])('of the Flux job %s has its id in decimal', (id) => {
    expect(hookJob('flux', { FLUX_JOB_ID: id }).jobId).toBe('flux-10770972672');
  });
});
