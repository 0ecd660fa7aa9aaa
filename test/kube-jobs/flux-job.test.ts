/** One job of Flux among many, with a flux that says yes to all and a cluster that has its record. */
import pLimit from 'p-limit';
import { expect, test } from 'vitest';
import { ClusterError } from '../../src/cluster/index.ts';
import { fluxEnvironment } from '../../src/flux/flux.ts';
import type { Cluster } from '../../src/kube-jobs/cluster.ts';
import { FluxJob, type FluxJobOptions } from '../../src/kube-jobs/flux/flux-job.ts';
import { directoryOf } from '../../src/kube-jobs/flux/job-calls.ts';
import { Follower } from '../../src/kube-jobs/follow/follower.ts';
import type { ObjectReference } from '../../src/kube-jobs/object.ts';
import { recorded } from '../flux/fake-flux.ts';
import { program, scratch, until } from '../process/scratch.ts';

const LIST = { apiVersion: 'v1', kind: 'List', items: [] };
const STORED = { template: 't', digest: '', phase: 'created', created: new Date().toISOString() };

/** @param outages how often the cluster cannot be reached at first */
function jobOf(outages = 0) {
  let left = outages;
  const directory = scratch();
  program(directory, 'flux', '#!/bin/sh\nexec cat > /dev/null\n');
  const removed: string[] = [];
  const cluster = {
    namespace: 'ns',
    follow: async () => {},
    list: async () => [],
    read: async ({ name }: ObjectReference) => {
      if (left > 0) {
        left -= 1;
        throw new ClusterError('Unreachable', 'cannot reach it');
      }
      return {
        metadata: { name, uid: 'u', labels: { 'unet/kube-job': 'flux-1-7' } },
        data: { job: JSON.stringify({ ...STORED, id: 'flux-1-7' }), list: JSON.stringify(LIST) },
      };
    },
    remove: async ({ name }: ObjectReference) => removed.push(name),
  } as unknown as Cluster;
  const over = new AbortController();
  const env = fluxEnvironment({ PATH: `${directory}:${process.env.PATH}`, FLUX_URI: 'local:///x' });
  const limits = { create: pLimit(1), remove: pLimit(1) };
  const said: string[] = [];
  const event = { id: '7', f58: 'f8', name: 'submit', timestamp: 0, context: {} };
  const jobspec = { tasks: [{ command: ['t'] }], attributes: { system: { 'flux-kube': 1 } } };
  const job = new FluxJob({
    event: { ...event, jobspec },
    key: 'flux-1',
    session: { cluster: () => cluster, paths: [], namespace: undefined, env, cwd: directory },
    cluster,
    follower: new Follower(cluster, over.signal),
    bridge: { write: async () => {} } as unknown as FluxJobOptions['bridge'],
    limits,
    options: { env },
    say: (line) => said.push(line),
    signal: over.signal,
  });
  return { job, limits, said, removed, event };
}

test('waits for a cluster that cannot be reached for a moment', async () => {
  const { job, said, removed, event } = jobOf(1);
  job.take({ ...event, name: 'alloc' });
  await until(() => said.some((line) => line.includes('0 objects of t')));
  expect(said[0]).toBe('f8: cannot reach it; waiting for the cluster');
  job.take({ ...event, name: 'finish' });
  await job.settled();
  expect(removed).toEqual(['unet-job-flux-1-7']);
});

test('that is cancelled loses its objects at once, however many others wait to make theirs', async () => {
  const { job, limits, said, removed, event } = jobOf();
  job.take({ ...event, name: 'alloc' });
  await until(() => said.some((line) => line.includes('0 objects of t')));
  void limits.create(() => new Promise(() => {}));
  job.take({ ...event, name: 'exception', context: { severity: 0, type: 'cancel' } });
  await job.settled();
  expect(removed).toEqual(['unet-job-flux-1-7']);
});

test('has the directory in the KVS that flux job id says', () => {
  expect(directoryOf('229646532608')).toBe(recorded('kube-id-kvs.stdout').trim());
});
