import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { cleanAfterSupervisor } from '../../src/job/clean-after-supervisor.ts';
import { jobPaths, jobsDirectory } from '../../src/job/layout.ts';
import { removeJob } from '../../src/job/remove-job.ts';
import { type JobState, readState } from '../../src/job/state.ts';
import { ownIdentity } from '../../src/process/identity.ts';
import { scratch } from '../process/scratch.ts';

/** What every file of a job holds here. */
const NONCE = 'x';

function state(supervisor: Partial<JobState['supervisor']> = {}): JobState {
  return {
    version: 1,
    unet: '0.1.0',
    jobId: 'slurm-42',
    epoch: 1,
    allocation: { kind: 'slurm' },
    release: 'rehearsal',
    lead: 'n0',
    phase: 'usable',
    since: '2026-11-20T18:00:00.000Z',
    supervisor: { host: 'n0', pid: 1, socket: '/x', alive: '2026-11-20T18:00:00.000Z', ...supervisor },
    nodes: [],
  };
}

/** A job directory with all that a job writes. */
function job(content: JobState = state()) {
  const paths = jobPaths(join(scratch(), 'jobs', 'slurm-42'));
  mkdirSync(paths.join, { recursive: true, mode: 0o700 });
  mkdirSync(join(paths.logs, 'n0'), { recursive: true, mode: 0o700 });
  writeFileSync(paths.state, JSON.stringify(content), { mode: 0o600 });
  for (const path of [
    paths.kubeconfig,
    paths.release,
    paths.nonce,
    join(paths.join, 'record.json'),
    join(paths.logs, 'n0', 'up.log'),
  ]) {
    writeFileSync(path, NONCE, { mode: 0o600 });
  }
  return paths;
}

describe("the job's state", () => {
  it('of a later version of unet can be read, and keeps what is new', async () => {
    const paths = job({
      ...state(),
      version: 2,
      phase: 'hibernating',
      fabric: { kind: 'slingshot' },
    } as JobState);
    expect(await readState(paths.state)).toMatchObject({
      version: 2,
      phase: 'hibernating',
      fabric: { kind: 'slingshot' },
    });
  });

  it('that is none, half or of something else is no state', async () => {
    const directory = scratch();
    expect(await readState(join(directory, 'state.json'))).toBeUndefined();
    for (const text of ['', '{"version":1,', '[]', '{"version":"one"}']) {
      writeFileSync(join(directory, 'state.json'), text);
      expect(await readState(join(directory, 'state.json'))).toBeUndefined();
    }
  });
});

describe('where jobs are', () => {
  it('is what was asked for, else the place for state, else under the home', () => {
    expect(jobsDirectory('/scratch/me', { HOME: '/home/me' })).toBe('/scratch/me');
    expect(jobsDirectory(undefined, { HOME: '/home/me', XDG_STATE_HOME: '/state' })).toBe('/state/unet/jobs');
    expect(jobsDirectory(undefined, { HOME: '/home/me' })).toBe('/home/me/.local/state/unet/jobs');
  });
});

describe('the end of a job', () => {
  it('leaves nothing', async () => {
    const paths = job();
    await removeJob(paths, { keepLogs: false });
    expect(existsSync(paths.directory)).toBe(false);
  });

  it('after a failure leaves logs and state, and nothing secret or large', async () => {
    const paths = job();
    await removeJob(paths, { keepLogs: true });
    expect(readdirSync(paths.directory).sort()).toEqual(['logs', 'state.json']);
    expect(existsSync(join(paths.logs, 'n0', 'up.log'))).toBe(true);
  });

  it('can be repeated', async () => {
    const paths = job();
    await removeJob(paths, { keepLogs: false });
    await removeJob(paths, { keepLogs: false });
  });
});

describe('a supervisor that has died', () => {
  /** A pid that was somebody's. */
  async function deadPid(): Promise<number> {
    const child = spawn('true');
    await once(child, 'exit');
    return child.pid ?? 0;
  }

  it('has its secrets removed, and its state says that it is over', async () => {
    const paths = job(state({ ...ownIdentity(), pid: await deadPid() }));
    await cleanAfterSupervisor(paths, {
      jobId: 'slurm-42',
      nonce: NONCE,
      keepLogs: true,
      reason: 'the supervisor is gone: input ended',
    });
    expect(readdirSync(paths.directory).sort()).toEqual(['logs', 'state.json']);
    expect(await readState(paths.state)).toMatchObject({
      phase: 'stopped',
      message: 'the supervisor is gone: input ended',
    });
  });

  it('at the end of a job that was well leaves nothing', async () => {
    const paths = job(state({ ...ownIdentity(), pid: await deadPid() }));
    await cleanAfterSupervisor(paths, {
      jobId: 'slurm-42',
      nonce: NONCE,
      keepLogs: false,
      reason: 'interrupted by SIGTERM',
    });
    expect(existsSync(paths.directory)).toBe(false);
  });

  it('counts as dead although nobody has looked after its zombie', async () => {
    // A parent that never waits for its child.
    const parent = spawn('sh', ['-c', 'sh -c "exit 0" & echo $!; exec sleep 600'], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    onTestFinished(() => void parent.kill('SIGKILL'));
    const [chunk] = await once(parent.stdout, 'data');
    const paths = job(state({ ...ownIdentity(), pid: Number(String(chunk)) }));
    await cleanAfterSupervisor(paths, {
      jobId: 'slurm-42',
      nonce: NONCE,
      keepLogs: false,
      reason: 'interrupted by SIGTERM',
    });
    expect(existsSync(paths.directory)).toBe(false);
  });

  it('is not mistaken for one of a later bring-up', async () => {
    const paths = job(state({ ...ownIdentity(), pid: await deadPid() }));
    await cleanAfterSupervisor(paths, {
      jobId: 'slurm-42',
      nonce: 'of an earlier bring-up',
      keepLogs: false,
      reason: 'interrupted by SIGTERM',
    });
    expect(existsSync(paths.kubeconfig)).toBe(true);
  });

  it.each([
    ['is half written', (path: string) => writeFileSync(path, '{"version":1,')],
    ['is gone', (path: string) => rmSync(path)],
    [
      'is no file',
      (path: string) => {
        rmSync(path);
        mkdirSync(path);
      },
    ],
  ])('has its secrets removed also where its state %s: the nonce says whose they are', async (_, spoil) => {
    const paths = job();
    spoil(paths.state);
    await cleanAfterSupervisor(paths, {
      jobId: 'slurm-42',
      nonce: NONCE,
      keepLogs: false,
      reason: 'interrupted by SIGTERM',
    });
    expect(readdirSync(paths.directory)).toEqual(['logs']);
  });

  it('has its files removed by an agent on another host of the same name', async () => {
    const paths = job(state({ ...ownIdentity(), boot: 'of another machine' }));
    await cleanAfterSupervisor(paths, {
      jobId: 'slurm-42',
      nonce: NONCE,
      keepLogs: false,
      reason: 'interrupted by SIGTERM',
    });
    expect(existsSync(paths.directory)).toBe(false);
  });

  it('that has stopped in good order is left alone', async () => {
    const paths = job({ ...state(), phase: 'stopped' });
    await cleanAfterSupervisor(paths, {
      jobId: 'slurm-42',
      nonce: NONCE,
      keepLogs: false,
      reason: 'interrupted by SIGTERM',
    });
    expect(existsSync(paths.kubeconfig)).toBe(true);
  });
});
