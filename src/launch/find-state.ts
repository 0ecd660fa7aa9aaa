/** The job's state, wherever this process can see it: its file, or the record that the scheduler keeps. */
import { existsSync } from 'node:fs';
import { ageOf } from '../files/age.ts';
import { type JobPaths, jobPaths } from '../job/layout.ts';
import { type JobState, readState } from '../job/state.ts';
import { isSameSupervisor, supervisorHasEnded, supervisorRunsHere } from '../job/supervisor.ts';
import { startTimeOf } from '../process/identity.ts';
import { run } from '../process/run.ts';
import type { Allocation } from '../scheduler/allocation.ts';
import { openAllocation } from '../scheduler/registry.ts';

/** `record`: the scheduler's; the job directory is on another host and not visible here. */
export type FoundState = { state: JobState; from: 'file' | 'record' };

export type Place = { allocation: Allocation; paths: JobPaths; env: NodeJS.ProcessEnv };

// A supervisor that renews its state every ten seconds and has not for this long is dead.
const STALE_MS = 60_000;
const ASK_TIMEOUT_MS = 15_000;

/** Undefined where there is none. The file counts unless it is about a cluster that has ended. */
export async function findState(job: Place): Promise<FoundState | undefined> {
  const state = await readState(job.paths.state);
  if (state !== undefined && state.phase !== 'stopped' && !supervisorHasEnded(state)) {
    return { state, from: 'file' };
  }
  const record = await readJobRecord(job);
  if (record !== undefined && (state === undefined || !isSameSupervisor(record, state))) {
    return { state: record, from: 'record' };
  }
  return state === undefined ? undefined : { state, from: 'file' };
}

async function readJobRecord({ allocation, env }: Omit<Place, 'paths'>): Promise<JobState | undefined> {
  return await openAllocation(allocation, env).record?.find();
}

/** Whether the supervisor that wrote this lives on another host, or here where its socket cannot be seen. */
export async function livesElsewhere(job: Place, { state, from }: FoundState): Promise<boolean> {
  const { node, pid, start, alive, socket } = state.supervisor;
  // A job may have a /tmp of its own (job_container/tmpfs of Slurm), which the prolog that made the cluster did not have.
  const hidden = !existsSync(socket);
  if (state.phase === 'stopped' || supervisorHasEnded(state) || (supervisorRunsHere(state) && !hidden)) {
    return false;
  }
  const scheduler = openAllocation(job.allocation, job.env);
  const argv = node === undefined ? undefined : scheduler.command(node, ['cat', `/proc/${pid}/stat`]);
  if (from === 'file' || argv === undefined) {
    const age = from === 'file' ? await ageOf(job.paths.state) : undefined;
    return (age ?? Date.now() - Date.parse(alive)) < STALE_MS;
  }
  // The record is not renewed, so the supervisor's host is asked.
  const { stdout } = await run(argv, { env: scheduler.environment(), timeoutMs: ASK_TIMEOUT_MS });
  return startTimeOf(stdout) === start;
}

/**
 * Where the job's files are: where the settings say, or where the record says if they are seen there and not here. So a
 * command finds the cluster without the --job-dir that `up` was given.
 */
export async function findPaths(
  usual: JobPaths,
  place: Pick<Place, 'allocation' | 'env'>,
): Promise<JobPaths> {
  if (existsSync(usual.state)) {
    return usual;
  }
  const record = await readJobRecord(place);
  if (record?.jobDir === undefined || record.jobDir === usual.directory) {
    return usual;
  }
  const named = jobPaths(record.jobDir);
  const state = await readState(named.state).catch(() => undefined);
  return state !== undefined && isSameSupervisor(record, state) && !supervisorHasEnded(state) ? named : usual;
}
