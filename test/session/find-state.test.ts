import { mkdirSync, utimesSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { writePrivateFile } from '../../src/files/private-file.ts';
import { fluxEnvironment } from '../../src/flux/flux.ts';
import { putValue } from '../../src/flux/kvs.ts';
import { jobPaths } from '../../src/job/layout.ts';
import type { JobState } from '../../src/job/state.ts';
import { findPaths, findState, livesElsewhere } from '../../src/launch/find-state.ts';
import { ownIdentity } from '../../src/process/identity.ts';
import { fluxJob, JOB_ID, stateOf } from '../flux/flux-job.ts';

async function place({ file, record }: { file?: JobState; record?: JobState }, answers = {}) {
  const job = fluxJob(answers);
  const jobs = join(job.directory, 'jobs');
  mkdirSync(jobs, { mode: 0o700 });
  const paths = jobPaths(join(jobs, JOB_ID));
  if (file !== undefined) {
    mkdirSync(paths.directory, { mode: 0o700 });
    await writePrivateFile(paths.state, JSON.stringify(file));
  }
  if (record !== undefined) {
    await putValue(`unet.${JOB_ID}`, JSON.stringify(record), { env: fluxEnvironment(job.env) });
  }
  return { ...job, paths };
}

const elsewhere = {
  host: 'n9',
  node: 'n1',
  pid: 41,
  start: '77',
  socket: '',
  alive: new Date().toISOString(),
};
const dead = {
  ...ownIdentity(),
  host: hostname(),
  node: 'n0',
  pid: 2 ** 22 + 1,
  socket: '',
  alive: new Date().toISOString(),
};

describe('the state of a job', () => {
  it('is its file, where that is seen', async () => {
    const file = stateOf('/x', { supervisor: elsewhere });
    expect(await findState(await place({ file }))).toEqual({ state: file, from: 'file' });
  });

  it('is the record in the KVS, where the job directory is not seen', async () => {
    const record = stateOf('/x', { supervisor: elsewhere });
    expect(await findState(await place({ record }))).toEqual({ state: record, from: 'record' });
  });

  it.each([
    ['has ended', stateOf('/x', { phase: 'stopped', supervisor: dead })],
    ['had a supervisor here that is dead', stateOf('/x', { supervisor: dead })],
  ])('is the record when the cluster of the file %s and there is another', async (_, file) => {
    const record = stateOf('/x', { epoch: 2, supervisor: elsewhere });
    expect(await findState(await place({ file, record }))).toEqual({ state: record, from: 'record' });
    expect(await findState(await place({ file, record: file }))).toEqual({ state: file, from: 'file' });
  });

  it('is nothing where there is neither, or the record is none', async () => {
    expect(await findState(await place({}))).toBeUndefined();
    expect(await findState(await place({ record: 'nonsense' as unknown as JobState }))).toBeUndefined();
  });
});

describe('the supervisor on another node', () => {
  it.each([
    ['lives, as that node says', `41 (node) S ${'0 '.repeat(18)}77 0`, true],
    ['is dead: its number is another process’s', `41 (bash) S ${'0 '.repeat(18)}99 0`, false],
  ])('%s', async (_, stat, lives) => {
    const found = { state: stateOf('/x', { supervisor: elsewhere }), from: 'record' as const };
    const before = `[ "$1 $3" = "exec 1" ] && { [ "\${@: -1}" = /proc/41/stat ] && echo '${stat}'; exit; }`;
    expect(await livesElsewhere(await place({}, { before }), found)).toBe(lives);
  });

  it('is dead when its broker is lost', async () => {
    const found = { state: stateOf('/x', { supervisor: elsewhere }), from: 'record' as const };
    const before =
      '[ "$1" = exec ] && { echo "flux-exec: Error: rank 1: cat: No route to host" >&2; exit 68; }';
    expect(await livesElsewhere(await place({}, { before }), found)).toBe(false);
  });
});

describe('a supervisor on another host of the same name', () => {
  const namesake = { ...dead, ...ownIdentity(), boot: 'of another machine', socket: '/tmp/s' };

  it('lives for as long as it renews its state, and its cluster is not taken over', async () => {
    const file = stateOf('/x', { supervisor: { ...namesake, pid: dead.pid } });
    const job = await place({ file });
    expect(await findState(job)).toEqual({ state: file, from: 'file' });
    expect(await livesElsewhere(job, { state: file, from: 'file' })).toBe(true);
  });

  it('is dead when its state is not renewed any more, also where its pid is another process’s here', async () => {
    const file = stateOf('/x', { supervisor: { ...namesake, pid: process.pid } });
    const job = await place({ file });
    const long = new Date(Date.now() - 120_000);
    utimesSync(job.paths.state, long, long);
    expect(await livesElsewhere(job, { state: file, from: 'file' })).toBe(false);
  });

  it('is not the one of the record with the same pid', async () => {
    const file = stateOf('/x', { phase: 'stopped', supervisor: { ...namesake, id: 'one' } });
    const record = stateOf('/x', { epoch: 2, supervisor: { ...namesake, id: 'other' } });
    expect(await findState(await place({ file, record }))).toEqual({ state: record, from: 'record' });
  });
});

describe('the job’s files', () => {
  it('are where the KVS says, when they are seen there and not where the settings say', async () => {
    const job = await place({});
    const other = join(job.directory, 'other');
    const state = stateOf('/x', { jobDir: other, supervisor: elsewhere });
    const usual = jobPaths(join(job.directory, 'none', JOB_ID));
    await putValue(`unet.${JOB_ID}`, JSON.stringify(state), { env: fluxEnvironment(job.env) });
    expect(await findPaths(usual, job)).toEqual(usual);
    mkdirSync(other, { mode: 0o700 });
    await writePrivateFile(
      join(other, 'state.json'),
      JSON.stringify({ ...state, epoch: 9, supervisor: dead }),
    );
    expect(await findPaths(usual, job)).toEqual(usual);
    await writePrivateFile(join(other, 'state.json'), JSON.stringify(state));
    expect(await findPaths(usual, job)).toEqual(jobPaths(other));
  });
});
