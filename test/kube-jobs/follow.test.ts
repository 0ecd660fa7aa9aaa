import { describe, expect, it } from 'vitest';
import { endsByItself, judge } from '../../src/kube-jobs/follow/ending.ts';
import { troubleLine, troubleOfEvent, troublesOfPod } from '../../src/kube-jobs/follow/trouble.ts';
import type { JsonObject, KubeObject } from '../../src/kube-jobs/object.ts';

function object(kind: string, status: JsonObject, spec: JsonObject = {}): KubeObject {
  return { apiVersion: 'v1', kind, metadata: { name: 'x', uid: '1' }, spec, status };
}
const condition = (type: string, reason = '') => ({ conditions: [{ type, status: 'True', reason }] });
const exited = (exitCode: number) => ({
  containerStatuses: [
    { name: 'main', state: { terminated: { exitCode, finishedAt: '2026-01-01T00:00:00Z' } } },
  ],
});

describe('what ends by itself', () => {
  it.each([
    ['Job', {}, true],
    ['PyTorchJob', {}, true],
    ['Workflow', {}, true],
    ['Pod', { restartPolicy: 'Never' }, true],
    ['Pod', {}, false],
    ['CronJob', {}, false],
    ['Deployment', {}, false],
  ])('%s %j: %s', (kind, spec, ends) => {
    expect(endsByItself(object(kind, {}, spec))).toBe(ends);
  });
});

describe('a job', () => {
  it('goes on while one of its objects does', () => {
    expect(judge([object('Job', condition('Complete')), object('Job', {})], [])).toBeUndefined();
    expect(judge([object('Job', condition('Complete')), undefined], [])).toBeUndefined();
    expect(judge([], [])).toBeUndefined();
  });

  it('has succeeded when all have', () => {
    const ended = [
      object('Job', condition('Complete')),
      object('Pod', { phase: 'Succeeded' }),
      object('PyTorchJob', condition('Succeeded')),
    ];
    expect(judge(ended, [])).toEqual({ failed: false, exitCode: 0, message: 'all pods have succeeded' });
  });

  it('has failed with the exit code of the container that did', () => {
    const pods = [object('Pod', { phase: 'Failed', ...exited(7) })];
    expect(judge([object('Job', condition('Failed', 'BackoffLimitExceeded'))], pods)).toEqual({
      failed: true,
      exitCode: 7,
      message: 'Job x failed: BackoffLimitExceeded',
    });
    expect(judge([object('Pod', { phase: 'Failed', reason: 'Evicted' })], [])).toMatchObject({
      failed: true,
      exitCode: 1,
    });
  });

  it('that serves has failed when a container ends again and again', () => {
    const waiting = (restartCount: number) => [
      object('Pod', {
        containerStatuses: [
          {
            name: 'main',
            restartCount,
            state: { waiting: { reason: 'CrashLoopBackOff' } },
            lastState: { terminated: { exitCode: 3 } },
          },
        ],
      }),
    ];
    expect(judge([], waiting(2))).toBeUndefined();
    expect(judge([], waiting(3))).toMatchObject({ failed: true, exitCode: 3 });
  });
});

describe('trouble', () => {
  it('is a line with the time: an event', () => {
    const event = {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { name: 'e', namespace: 'default' },
      type: 'Warning',
      reason: 'FailedCreate',
      message: 'exceeded quota: pods=2',
      involvedObject: { kind: 'ReplicaSet', name: 'web-abc', uid: '9' },
      lastTimestamp: '2026-01-01T10:11:12Z',
    } satisfies KubeObject;
    const trouble = troubleOfEvent(event);
    expect(trouble && troubleLine(trouble)).toMatch(
      /^\d\d:11:12 ReplicaSet web-abc: FailedCreate: exceeded quota: pods=2$/,
    );
    expect(troubleOfEvent({ ...event, type: 'Normal' })).toBeUndefined();
  });

  it('is what a pod says of its containers and its place', () => {
    const pod = object('Pod', {
      conditions: [
        {
          type: 'PodScheduled',
          status: 'False',
          reason: 'Unschedulable',
          message: '0/1 nodes are available',
        },
      ],
      containerStatuses: [
        { name: 'a', state: { waiting: { reason: 'ImagePullBackOff', message: 'no such image' } } },
        { name: 'b', state: { waiting: { reason: 'ContainerCreating' } } },
      ],
    });
    expect(troublesOfPod(pod).map(({ reason, text }) => `${reason}: ${text}`)).toEqual([
      'Unschedulable: 0/1 nodes are available',
      'ImagePullBackOff: container a: no such image',
    ]);
  });
});
