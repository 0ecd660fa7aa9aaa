import { describe, expect, it } from 'vitest';
import { FluxDetails } from '../../src/flux/details.ts';
import { fluxEnvironment } from '../../src/flux/flux.ts';
import { fluxJobRecord } from '../../src/flux/job-record.ts';
import { listValues } from '../../src/flux/kvs.ts';
import { flux } from '../../src/flux/scheduler.ts';
import type { JobState } from '../../src/job/state.ts';
import { until } from '../process/scratch.ts';
import { calls } from './fake-flux.ts';
import { fluxJob, JOB_ID, memos, PARENT_URI, stateOf, URI } from './flux-job.ts';

const recordOf = ({ allocation, env }: Pick<ReturnType<typeof fluxJob>, 'allocation' | 'env'>) =>
  fluxJobRecord(allocation.jobId, FluxDetails.parse(allocation.details), env);
const readRecord = (job: ReturnType<typeof fluxJob>) => recordOf(job).find();

function publicity(job: ReturnType<typeof fluxJob>, name = 'default') {
  const troubles: string[] = [];
  const { allocation, env, directory } = job;
  let state = stateOf(directory, { phase: 'bringing-up' });
  const told = recordOf({ allocation, env }).publish(
    name,
    () => state,
    (message) => troubles.push(message),
  );
  return {
    troubles,
    end: told.end,
    become: (change: Partial<JobState>) => {
      state = { ...state, ...change };
      told.update();
    },
  };
}

describe('what Flux is told of the cluster', () => {
  it('is its state in the KVS and a memo on the job, and is taken back', async () => {
    const job = fluxJob();
    const { become, end, troubles } = publicity(job);
    become({});
    become({ phase: 'usable' });
    await until(async () => (await readRecord(job))?.phase === 'usable');
    await until(() => memos(job.directory).at(-1)?.includes('usable'));
    expect(memos(job.directory).at(-1)).toBe(
      'unet={"phase":"usable","lead":"n0","nodes":"2/2","server":"https://10.77.0.10:20013"}',
    );
    await end();
    await end();
    expect(await readRecord(job)).toBeUndefined();
    expect(await listValues('unet', { env: { ...fluxEnvironment(job.env, URI) } })).toEqual([]);
    expect(memos(job.directory).at(-1)).toBe('unet=null');
    expect(troubles).toEqual([]);
  });

  it('is not told again while only the sign of life changes', async () => {
    const job = fluxJob();
    const { become, end } = publicity(job);
    become({});
    await until(async () => (await readRecord(job)) !== undefined);
    become({ supervisor: { ...stateOf('').supervisor, alive: new Date().toISOString() } });
    become({ phase: 'usable' });
    await until(async () => (await readRecord(job))?.phase === 'usable');
    await end();
    expect(calls(job.directory).filter((call) => call.startsWith('kvs put'))).toEqual(
      Array(2).fill(`kvs put --raw unet.${JOB_ID}=-`),
    );
  });

  it('comes to nothing after its end', async () => {
    const job = fluxJob();
    const { become, end } = publicity(job);
    become({});
    const ended = end();
    become({ phase: 'stopped' });
    await ended;
    expect(await readRecord(job)).toBeUndefined();
  });

  it('has no memo from the teardown on, since a job that is over keeps its last one', async () => {
    const job = fluxJob();
    const { become, end } = publicity(job);
    become({ phase: 'usable' });
    await until(() => memos(job.directory).at(-1)?.includes('usable'));
    become({ phase: 'stopping' });
    await until(() => memos(job.directory).at(-1) === 'unet=null');
    await until(async () => (await readRecord(job))?.phase === 'stopping');
    await end();
  });

  it('of a prolog’s cluster is a memo on the job, which the lead’s agent removes too', async () => {
    const { directory, env } = fluxJob();
    const job = { kind: 'flux', jobId: 'flux-7', schedulerJobId: 'fFRA1wV', nodes: ['n0'] };
    const attached = { via: 'flux-kvs', job: '7', uri: PARENT_URI };
    const told = flux.open({ ...job, attached }, env).record?.publish(
      'default',
      () => stateOf(directory),
      () => {},
    );
    told?.update();
    await until(() => memos(directory).at(-1)?.startsWith('unet={"phase":"usable"'));
    await flux.open(job, env).removeTraces?.('default');
    expect(memos(directory).at(-1)).toBe('unet=null');
    await told?.end();
  });

  it('has a memo of its own for a cluster with a name', async () => {
    const job = fluxJob();
    const { become, end } = publicity(job, 'blue');
    become({});
    await end();
    expect(memos(job.directory).at(-1)).toBe('unet-blue=null');
  });

  it('and refuses is a warning, once for each', async () => {
    const job = fluxJob({
      before: `case "$1 $2" in "kvs put"|"job memo") echo "flux-$1: Operation not permitted" >&2; exit 1;; esac`,
    });
    const { become, end, troubles } = publicity(job);
    become({});
    await until(() => troubles.length === 2);
    become({ phase: 'usable' });
    await end();
    expect(troubles.sort()).toEqual([
      expect.stringMatching(/^the cluster’s state is not in the KVS.*Operation not permitted/),
      expect.stringMatching(/^the job has no memo of the cluster.*Operation not permitted/),
    ]);
  });
});
