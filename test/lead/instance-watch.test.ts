import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, it, onTestFinished } from 'vitest';
import { brokerWatch } from '../../src/lead/instance-watch.ts';
import { until } from '../process/scratch.ts';
import { fluxJob } from './flux-job.ts';

describe('the broker of this node', () => {
  it('is seen to end', async () => {
    const broker = spawn('sleep', ['1000']);
    onTestFinished(() => void broker.kill('SIGKILL'));
    await once(broker, 'spawn');
    const { allocation, env } = fluxJob({ attributes: { 'broker.pid': String(broker.pid) } });
    const isGone = await brokerWatch(allocation, env);
    expect(isGone?.()).toBe(false);
    broker.kill('SIGKILL');
    await until(() => isGone?.());
  });

  it('is not looked for where Flux does not say which it is, and on another host', async () => {
    const { allocation, env } = fluxJob();
    expect(await brokerWatch(allocation, env)).toBeUndefined();
    const there = fluxJob({ attributes: { 'broker.pid': String(process.pid) } });
    const flux = { uri: 'ssh://n0/tmp/flux/local-0' };
    expect(await brokerWatch({ ...there.allocation, flux }, there.env)).toBeUndefined();
  });
});
