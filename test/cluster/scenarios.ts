/** What a program does with a cluster, the same on Kubernetes and on Nomad: the scenarios of aioclustermanager's own tests. */
import { describe, expect, test } from 'vitest';
import { ClusterError } from '../../src/cluster/errors.ts';
import type { ClusterManager } from '../../src/cluster/manager.ts';

const image = 'busybox';
const small = { image, cpuLimit: '100m', memLimit: '32Mi' };
const timeoutMs = 25_000;

/** @param title of the cluster; `manager` is asked for within a test */
export function jobScenarios(title: string, manager: () => ClusterManager): void {
  describe(`jobs on ${title}`, () => {
    test('a namespace is made once', async () => {
      expect(await manager().createNamespace('demo', { timeoutMs })).toBe(true);
      expect(await manager().createNamespace('demo', { timeoutMs })).toBe(false);
      expect((await manager().getNodes()).map(({ ready }) => ready)).toContain(true);
    });

    test('a job with limits runs, is waited for, and has a log and one execution', async () => {
      const command = ['sh', '-c', 'echo 42; echo "$PAYLOAD"'];
      const created = await manager().createJob('demo', 'sum', { ...small, command, payload: { a: [1] } });
      expect(created).toMatchObject({ id: 'sum', finished: false, payload: { a: [1] } });
      const job = await manager().waitForJob('demo', 'sum', { timeoutMs });
      expect(job).toMatchObject({ id: 'sum', finished: true, outcome: 'Complete', active: 0 });
      const [execution, ...more] = await manager().listJobExecutions('demo', 'sum');
      expect(more).toEqual([]);
      expect(execution).toMatchObject({ jobId: 'sum', status: 'done', exitCode: 0 });
      expect(execution?.events.length).toBeGreaterThan(0);
      expect(await manager().getExecutionLog('demo', 'sum', execution?.id ?? '')).toBe('42\n{"a":[1]}\n');
      expect(await manager().getExecutionLog('demo', 'sum', execution?.id ?? '', { tail: 1 })).toBe(
        '{"a":[1]}\n',
      );
    });

    test('a second job of the same name is refused, unless it replaces the first', async () => {
      const again = manager().createJob('demo', 'sum', { ...small, command: ['true'] });
      await expect(again).rejects.toMatchObject({ reason: 'AlreadyExists' });
      await manager().createJob('demo', 'sum', { ...small, command: ['true'], delete: true }, { timeoutMs });
      expect(await manager().waitForJob('demo', 'sum', { timeoutMs })).toMatchObject({ outcome: 'Complete' });
    });

    test('failure, timeout and absence are told apart', async () => {
      await manager().createJob('demo', 'bad', { ...small, command: ['sh', '-c', 'exit 7'] });
      expect(await manager().waitForJob('demo', 'bad', { timeoutMs })).toMatchObject({ outcome: 'Failed' });
      const [execution] = await manager().listJobExecutions('demo', 'bad');
      expect(execution).toMatchObject({ status: 'failed', exitCode: 7 });
      await manager().createJob('demo', 'long', { ...small, command: ['sleep', '300'] });
      const late = manager().waitForJob('demo', 'long', { timeoutMs: 50 });
      await expect(late).rejects.toMatchObject({ reason: 'Timeout' });
      await expect(manager().waitForJob('demo', 'none', { timeoutMs })).rejects.toMatchObject({
        reason: 'NotFound',
      });
      expect(await manager().getJob('demo', 'none')).toBeNull();
      expect(await manager().deleteJob('demo', 'none')).toBe(false);
    });

    test('a wait ends with the reason of its signal', async () => {
      const stop = new AbortController();
      const waiting = manager().waitForJob('demo', 'long', { timeoutMs, signal: stop.signal });
      const reason = new Error('enough');
      stop.abort(reason);
      await expect(waiting).rejects.toBe(reason);
    });

    test('a log is followed from its first line to the end of the execution', async () => {
      const command = ['sh', '-c', 'for i in 1 2 3; do echo line $i; sleep 0.2; done'];
      await manager().createJob('demo', 'talk', { ...small, command });
      const id = await firstExecution('talk');
      const lines: string[] = [];
      for await (const line of manager().followExecutionLog('demo', 'talk', id)) lines.push(line);
      expect(lines).toEqual(['line 1', 'line 2', 'line 3']);
      expect(
        await manager().waitForJobExecutionStatus('demo', 'talk', id, 'done', { timeoutMs }),
      ).toMatchObject({ exitCode: 0 });
      const never = manager().waitForJobExecutionStatus('demo', 'talk', id, 'failed', { timeoutMs });
      await expect(never).rejects.toMatchObject({ reason: 'Conflict' });
    });

    test('a job that no node has room for waits, and says why', async () => {
      await manager().createJob('demo', 'huge', { ...small, cpuLimit: '4000', command: ['true'] });
      const huge = async () => (await manager().waitingJobs('demo')).find(({ job }) => job.id === 'huge');
      await expect.poll(async () => (await huge())?.reason, { timeout: timeoutMs }).toBe('scheduling');
      expect((await huge())?.message).toMatch(/cpu/i);
      expect((await manager().runningJobs('demo')).map(({ id }) => id)).toEqual(['long']);
    });

    test('a job is scaled, deleted with its executions, and the rest cleaned up', async () => {
      expect(await manager().getScale('demo', 'long')).toBe(1);
      await manager().setScale('demo', 'long', 2);
      expect(await manager().getScale('demo', 'long')).toBe(2);
      expect(await manager().deleteJob('demo', 'long', { wait: true, timeoutMs })).toBe(true);
      expect((await manager().listJobs('demo')).map(({ id }) => id).sort()).toEqual([
        'bad',
        'huge',
        'sum',
        'talk',
      ]);
      expect(await manager().cleanupJobs('demo', { timeoutMs })).toEqual([]);
      expect(await manager().listJobs('demo')).toEqual([]);
    });

    test('a namespace goes with what is in it', async () => {
      await manager().createJob('demo', 'left', { ...small, command: ['sleep', '300'] });
      expect(await manager().deleteNamespace('demo', { timeoutMs })).toBe(true);
      expect(await manager().deleteNamespace('demo', { timeoutMs })).toBe(false);
    });

    async function firstExecution(name: string): Promise<string> {
      const ids = async () => (await manager().listJobExecutions('demo', name)).map(({ id }) => id);
      await expect.poll(ids, { timeout: timeoutMs }).toHaveLength(1);
      return (await ids())[0] ?? '';
    }
  });
}

/** What only Kubernetes can is one clear error elsewhere. */
export function expectUnsupported(work: () => unknown): void {
  try {
    work();
  } catch (error) {
    expect(ClusterError.isCluster(error, 'Unsupported')).toBe(true);
    return;
  }
  expect.unreachable('it should be refused');
}
