import { describe, expect, test } from 'vitest';
import type { Cluster } from '../../src/kube-jobs/cluster.ts';
import type { Outcome } from '../../src/kube-jobs/follow/ending.ts';
import { Follower } from '../../src/kube-jobs/follow/follower.ts';
import type { JobRecord } from '../../src/kube-jobs/jobs/record.ts';
import type { KubeObject } from '../../src/kube-jobs/object.ts';

type OnChange = (change: { type: 'there' | 'gone'; object: KubeObject }) => void;

/** A cluster that counts what is asked of it, and whose watches show what the test says. */
function countingCluster() {
  const watches = new Map<string, OnChange>();
  const asked = { follow: 0, list: 0 };
  const cluster = {
    follow: async ({ kind }: { kind: string }, selection: { namespace?: string }, onChange: OnChange) => {
      asked.follow += 1;
      watches.set(`${selection.namespace}/${kind}`, onChange);
    },
    list: async () => {
      asked.list += 1;
      return [];
    },
  };
  const show = (object: KubeObject, type: 'there' | 'gone' = 'there') =>
    watches.get(`${object.metadata.namespace}/${object.kind}`)?.({ type, object });
  return { cluster: cluster as unknown as Cluster, asked, show };
}

function jobObject(id: string, status: 'Complete' | undefined): KubeObject {
  const metadata = { name: id, namespace: 'ns', labels: { 'unet/kube-job': id } };
  const conditions = status === undefined ? [] : [{ type: status, status: 'True' }];
  return { apiVersion: 'batch/v1', kind: 'Job', metadata, spec: {}, status: { conditions } } as KubeObject;
}

function record(id: string): JobRecord {
  return {
    id,
    namespace: 'ns',
    template: 't',
    digest: 'd',
    phase: 'created',
    created: new Date().toISOString(),
    list: { apiVersion: 'v1', kind: 'List', items: [jobObject(id, undefined)] },
  };
}

describe('following hundreds of jobs', () => {
  const ids = Array.from({ length: 300 }, (_, index) => `job-${index}`);

  test('takes a watch for each kind of a namespace, and one look at its own pods for each job that ends', async () => {
    const { cluster, asked, show } = countingCluster();
    const follower = new Follower(cluster, new AbortController().signal);
    const ends = new Map<string, Outcome>();
    for (const id of ids) {
      follower.add({ record: record(id), logs: false, onLine: () => {}, onEnd: (end) => ends.set(id, end) });
    }
    ids.forEach((id) => void show(jobObject(id, 'Complete')));
    await expect.poll(() => ends.size).toBe(ids.length);
    expect(asked).toEqual({ follow: 3, list: ids.length });
    expect([...ends.values()].filter(({ failed }) => failed)).toEqual([]);
  });

  test('misses none whose objects a watch had shown before the job was added', async () => {
    const { cluster, show } = countingCluster();
    const follower = new Follower(cluster, new AbortController().signal);
    const ends: string[] = [];
    const add = (id: string) =>
      follower.add({ record: record(id), logs: false, onLine: () => {}, onEnd: () => ends.push(id) });
    add('first');
    show(jobObject('early', 'Complete'));
    show(jobObject('deleted', 'Complete'));
    show(jobObject('deleted', 'Complete'), 'gone');
    add('early');
    add('deleted');
    await expect.poll(() => ends).toEqual(['early']);
  });
});
