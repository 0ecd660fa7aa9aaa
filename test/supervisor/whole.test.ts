/** A whole cluster with a scheduler that is one file: the supervisor in this process, its agents real ones. */
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Settings } from '../../src/config/schema.ts';
import type { UnetError } from '../../src/errors.ts';
import type { UnetEvent } from '../../src/events/types.ts';
import { Supervisor } from '../../src/supervisor/supervisor.ts';
import { VERSION } from '../../src/version.ts';
import { processesOf, scratch, until } from '../process/scratch.ts';
import { type FakeJob, fake, REHEARSAL } from './fake-scheduler.ts';

async function begin(more: Record<string, unknown> = {}) {
  const directory = scratch();
  for (const name of ['job', 'node', 'home', 'tmp']) {
    mkdirSync(join(directory, name), { mode: 0o700 });
  }
  const name = directory.slice(-6).toLowerCase();
  const env = { PATH: process.env.PATH, HOME: join(directory, 'home'), TMPDIR: join(directory, 'tmp') };
  const allocation = await fake.describe({ env: { FAKE_JOB: '1' }, clusterName: name, nodes: 3 });
  const settings = Settings.parse({
    release: REHEARSAL,
    name,
    nodeDir: join(directory, 'node'),
    minNodes: '2',
    ...more,
  });
  const jobDir = join(directory, 'job', allocation.jobId);
  mkdirSync(join(jobDir, 'logs'), { recursive: true, mode: 0o700 });
  const scheduler: FakeJob = fake.open(allocation, env);
  const events: UnetEvent[] = [];
  const options = { allocation, settings, jobDir, unet: VERSION, cwd: directory, env, note: () => {} };
  const supervisor = new Supervisor(options, scheduler, 1);
  supervisor.events.subscribe((event) => events.push(event));
  const phases = () => events.flatMap((event) => (event.type === 'cluster' ? [event.phase] : []));
  return { directory, jobDir, scheduler, supervisor, events, phases };
}

/** Nothing is left but the user's own home. */
function expectNothingLeft(directory: string, jobDir: string): void {
  expect(existsSync(jobDir)).toBe(false);
  expect(readdirSync(join(directory, 'node'))).toEqual([]);
}

describe('a cluster of a scheduler that is one file', () => {
  it('comes up, loses a node, which is cleaned and said, tries it again, and goes without a trace', async () => {
    const { directory, jobDir, scheduler, supervisor, events, phases } = await begin();
    await supervisor.start('');
    await until(() => phases().includes('usable'), 'the cluster to be usable', phases);
    expect(await scheduler.record?.find()).toMatchObject({ phase: 'usable', lead: 'n0' });

    process.kill(scheduler.agents.get('n2')?.pid ?? 0, 'SIGKILL');
    const node = (name: string) =>
      events.flatMap((event) => (event.type === 'node' && event.node === name ? [event.phase] : []));
    await until(
      () => node('n2').at(-1) === 'lost',
      'n2 to be lost',
      () => node('n2'),
    );
    expect(events).toContainEqual(
      expect.objectContaining({
        type: 'error',
        error: expect.objectContaining({ node: 'n2', code: 'UNET_NODE_LOST' }),
      }),
    );
    await until(
      () => !existsSync(join(directory, 'node', `unet-${process.getuid?.()}`, 'n2')),
      'n2 to be cleaned',
    );

    supervisor.resume({});
    await until(
      () => node('n2').at(-1) === 'ready',
      'n2 to be ready again',
      () => [node('n2'), events.filter(({ type }) => type === 'error' || type === 'warning')],
    );

    await until(() => phases().length === 4, 'the cluster to be usable again', phases);
    supervisor.stop('the test is over');
    await supervisor.ended;
    expect(phases()).toEqual(['bringing-up', 'usable', 'bringing-up', 'usable', 'stopping', 'stopped']);
    expect(scheduler.published).toEqual([]);
    expectNothingLeft(directory, jobDir);
    await until(
      () => processesOf(directory).length === 0,
      'all processes to end',
      () => processesOf(directory),
    );
  });

  it('that is told to stop before it starts makes nothing', async () => {
    const { directory, jobDir, scheduler, supervisor, phases } = await begin();
    supervisor.stop('told to end at once');
    await supervisor.start('');
    await supervisor.ended;
    expect(phases()).toEqual(['stopping', 'stopped']);
    expect(scheduler.agents.size).toBe(0);
    expectNothingLeft(directory, jobDir);
  });

  it('that is told to stop while it starts makes nothing after that, and ends once', async () => {
    const { directory, jobDir, scheduler, supervisor, phases, events } = await begin();
    const started = supervisor.start('').catch((error: UnetError) => supervisor.fail(error));
    supervisor.stop('told to end while it starts');
    await started;
    await supervisor.ended;
    expect(phases()).toEqual(['stopping', 'stopped']);
    expect(events.filter(({ type }) => type === 'error')).toEqual([]);
    expect(scheduler.agents.size).toBe(0);
    expectNothingLeft(directory, jobDir);
  });

  it('whose allocation ends is not cleaned by agents that nobody could start', async () => {
    const { jobDir, directory, scheduler, supervisor, phases } = await begin({ heartbeat: '200ms' });
    await supervisor.start('');
    await until(() => phases().includes('usable'), 'the cluster to be usable', phases);
    scheduler.endAllocation();
    await supervisor.ended;
    expect(phases().slice(-2)).toEqual(['stopping', 'stopped']);
    expect(existsSync(jobDir)).toBe(false);
    await until(
      () => processesOf(directory).length === 0,
      'all processes to end',
      () => processesOf(directory),
    );
  });
});
