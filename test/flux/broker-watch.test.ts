import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, it, onTestFinished } from 'vitest';
import { brokerWatch } from '../../src/flux/broker-watch.ts';
import { FluxDetails } from '../../src/flux/details.ts';
import type { Allocation } from '../../src/scheduler/allocation.ts';
import { until } from '../process/scratch.ts';
import { fluxJob } from './flux-job.ts';

const details = (allocation: Allocation) => FluxDetails.parse(allocation.details);

describe('the broker of this node', () => {
  it('is seen to end', async () => {
    const broker = spawn('sleep', ['1000']);
    onTestFinished(() => void broker.kill('SIGKILL'));
    await once(broker, 'spawn');
    const { allocation, env } = fluxJob({ attributes: { 'broker.pid': String(broker.pid) } });
    const isGone = await brokerWatch(details(allocation), env);
    expect(isGone?.()).toBe(false);
    broker.kill('SIGKILL');
    await until(() => isGone?.());
  });

  it('is not looked for where Flux does not say which it is, and on another host', async () => {
    const { allocation, env } = fluxJob();
    expect(await brokerWatch(details(allocation), env)).toBeUndefined();
    const there = fluxJob({ attributes: { 'broker.pid': String(process.pid) } });
    const elsewhere = { uri: 'ssh://n0/tmp/flux/local-0' };
    expect(await brokerWatch(elsewhere, there.env)).toBeUndefined();
  });
});
