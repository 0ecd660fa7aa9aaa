/** The job's state, wherever this process can see it: its file, or its record in the KVS of the Flux instance. */
import { existsSync } from 'node:fs';
import { hostname } from 'node:os';
import { ageOf } from '../files/age.ts';
import { fluxExecArgv } from '../flux/exec.ts';
import { fluxEnvironment } from '../flux/flux.ts';
import { getValue } from '../flux/kvs.ts';
import { recordKey } from '../flux/names.ts';
import { type JobPaths, jobPaths } from '../job/layout.ts';
import { JobState, readState } from '../job/state.ts';
import { isAlive } from '../process/alive.ts';
import type { Environment } from '../process/environment.ts';
import { run } from '../process/run.ts';
import type { Job } from './job.ts';

/** `kvs`: the job directory is on another host, and not to be seen from here. */
export type FoundState = { state: JobState; from: 'file' | 'kvs' };

type Place = Pick<Job, 'allocation' | 'paths' | 'env'>;

// A supervisor that renews its state every ten seconds and has not for this long is dead.
const STALE_MS = 60_000;
const ASK_TIMEOUT_MS = 15_000;

/** Undefined where there is none. The file counts unless it is about a cluster that has ended. */
export async function findState(job: Place): Promise<FoundState | undefined> {
  const state = await readState(job.paths.state);
  if (state !== undefined && state.phase !== 'stopped' && !endedHere(state)) {
    return { state, from: 'file' };
  }
  const record = await readRecord(job);
  if (record !== undefined && !sameBringUp(record, state)) {
    return { state: record, from: 'kvs' };
  }
  return state === undefined ? undefined : { state, from: 'file' };
}

/** What the supervisor has put into the KVS; see publicity.ts. */
export async function readRecord({
  allocation: { flux, jobId },
  env,
}: Omit<Place, 'paths'>): Promise<JobState | undefined> {
  if (flux === undefined) {
    return undefined;
  }
  const text = await getValue(recordKey(jobId), { env: fluxEnvironment(env, flux.uri) });
  try {
    const parsed = JobState.safeParse(JSON.parse(text ?? ''));
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}

/** Whether the supervisor that wrote this lives on another host, or here where its socket cannot be seen. */
export async function livesElsewhere(job: Place, { state, from }: FoundState): Promise<boolean> {
  const { host, rank, pid, alive, socket } = state.supervisor;
  // A job may have a /tmp of its own (job_container/tmpfs of Slurm), which the prolog that made the cluster did not have.
  const hidden = host === hostname() && isAlive(pid) && !existsSync(socket);
  if (state.phase === 'stopped' || (host === hostname() && !hidden)) {
    return false;
  }
  if (from === 'file' || rank === undefined) {
    const age = from === 'file' ? await ageOf(job.paths.state) : undefined;
    return (age ?? Date.now() - Date.parse(alive)) < STALE_MS;
  }
  // The record in the KVS is not renewed, so that host is asked.
  const argv = fluxExecArgv(rank, ['cat', `/proc/${pid}/cmdline`]);
  const { stderr } = await run(argv, { env: fluxExecEnvironment(job), timeoutMs: ASK_TIMEOUT_MS });
  return stderr.split('\0').includes('supervisor');
}

/** What flux exec hands on to the command is all of its own environment. */
export function fluxExecEnvironment({ env, allocation }: Pick<Place, 'env' | 'allocation'>): Environment {
  return fluxEnvironment(env, allocation.flux?.uri);
}

/**
 * Where the job's files are: where the settings say, or where the KVS says if they are seen there and not here. So a
 * command finds the cluster without the --job-dir that `up` was given.
 */
export async function findPaths(
  usual: JobPaths,
  place: Pick<Place, 'allocation' | 'env'>,
): Promise<JobPaths> {
  if (place.allocation.flux === undefined || existsSync(usual.state)) {
    return usual;
  }
  const record = await readRecord(place);
  if (record?.jobDir === undefined || record.jobDir === usual.directory) {
    return usual;
  }
  const named = jobPaths(record.jobDir);
  const state = await readState(named.state).catch(() => undefined);
  return state !== undefined && sameBringUp(record, state) && !endedHere(state) ? named : usual;
}

function endedHere({ supervisor }: JobState): boolean {
  return supervisor.host === hostname() && !isAlive(supervisor.pid);
}

function sameBringUp(a: JobState, b: JobState | undefined): boolean {
  return a.supervisor.host === b?.supervisor.host && a.supervisor.pid === b.supervisor.pid;
}
