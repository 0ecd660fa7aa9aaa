/** A job as a command finds it: its allocation, its directory, its state, and whether somebody attends it. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Settings } from '../config/schema.ts';
import { UnetError } from '../errors.ts';
import type { UnetEvent } from '../events/types.ts';
import { ensurePrivateDirectory } from '../files/private-directory.ts';
import { controlSocket, type JobPaths, jobPaths, jobsDirectory } from '../job/layout.ts';
import type { JobState } from '../job/state.ts';
import { supervisorHasEnded, supervisorRunsHere } from '../job/supervisor.ts';
import { type FoundState, findPaths, findState, livesElsewhere } from '../launch/find-state.ts';
import { isAlive } from '../process/alive.ts';
import { lastLines } from '../process/run.ts';
import type { ControlRequest } from '../protocol/control.ts';
import type { Allocation } from '../scheduler/allocation.ts';
import { detectAllocation } from '../scheduler/detect.ts';
import { findScheduler, OUTSIDE, openAllocation, scheduler } from '../scheduler/registry.ts';
import { askSupervisor } from './control.ts';
import { withKubeconfigHere } from './kubeconfig-here.ts';
import { failedPrologCluster, findPrologCluster, prologIds, prologIdsOf } from './prolog-cluster.ts';
import { type SupervisorProcess, startSupervisorProcess } from './supervisor-process.ts';

export type Job = {
  allocation: Allocation;
  settings: Settings;
  paths: JobPaths;
  env: NodeJS.ProcessEnv;
  cwd: string;
  unet: string;
};

export type JobOptions = {
  settings: Settings;
  env: NodeJS.ProcessEnv;
  cwd: string;
  unet: string;
  signal?: AbortSignal;
  /** A cluster may be begun: then the files of one that has ended make no local allocation. */
  begins?: boolean;
};

const START_TIMEOUT_MS = 30_000;
const RIVAL_MS = 2000;
const POLL_MS = 20;

export async function findJob({
  settings,
  env,
  cwd,
  unet,
  signal,
  begins = false,
}: JobOptions): Promise<Job> {
  const jobs = jobsDirectory(settings.jobDir, env);
  const ids = prologIds(settings, env);
  const outer = await findPrologCluster(ids, jobs);
  if (outer !== undefined) {
    return { allocation: outer.allocation, settings, paths: jobPaths(outer.directory), env, cwd, unet };
  }
  const outside = await scheduler(OUTSIDE).describe({ env, clusterName: settings.name });
  const paths = jobPaths(join(jobs, outside.jobId));
  const isThere = begins
    ? await isAttended({ allocation: outside, paths, env })
    : existsSync(paths.directory) || existsSync(controlSocket(outside.jobId).directory);
  const allocation = await detectAllocation({
    kind: settings.allocation,
    nodes: settings.nodes,
    name: settings.name,
    env,
    signal,
    fallback: isThere ? OUTSIDE : undefined,
  }).catch(async (error: unknown) => {
    throw await orOfProlog(error, ids, jobs);
  });
  const made = await findPrologCluster(prologIdsOf(allocation, settings.name), jobs);
  if (made !== undefined && findScheduler(allocation.kind)?.hooks?.keepsAllocation === true) {
    return { allocation: made.allocation, settings, paths: jobPaths(made.directory), env, cwd, unet };
  }
  const usual = jobPaths(made?.directory ?? join(jobs, allocation.jobId));
  const found = await findPaths(usual, { allocation, env });
  return { allocation, settings, paths: found, env, cwd, unet };
}

/** Whether a supervisor lives: also that of a failed bring-up that is retained. */
async function isAttended(place: Pick<Job, 'allocation' | 'paths' | 'env'>): Promise<boolean> {
  const found = await findState(place).catch(() => undefined);
  return (
    found !== undefined &&
    found.state.phase !== 'stopped' &&
    (supervisorRunsHere(found.state) || (await livesElsewhere(place, found)))
  );
}

/** A user who is a guest here can have no other cluster than the prolog's: what became of that one is the answer. */
async function orOfProlog(error: unknown, ids: readonly string[], jobs: string): Promise<unknown> {
  const failed = await failedPrologCluster(ids, jobs);
  return failed === undefined
    ? error
    : new UnetError('UNET_NO_CLUSTER', `there is no cluster in ${failed.jobId}`, {
        cause: error,
        remedy: `the last one failed: ${failed.message}; its logs are in ${failed.logs}`,
      });
}

/** The state of a job that has a cluster, or is making one. @throws UnetError UNET_NO_CLUSTER */
export async function findCluster(job: Job): Promise<FoundState> {
  const { allocation } = job;
  const found = await findState(job);
  const state = found?.state;
  if (allocation.ended === true && state?.phase !== 'stopped') {
    throw new UnetError('UNET_NO_CLUSTER', `${allocation.jobId} is over, and so is its cluster`, {
      remedy: '"unet down" removes what is left of its files',
    });
  }
  if (found === undefined || state === undefined || state.phase === 'stopped') {
    const remedy = afterLast(state, job.paths);
    const outer = await openAllocation(job.allocation, job.env).enclosingCluster?.();
    throw new UnetError('UNET_NO_CLUSTER', `there is no cluster in ${job.allocation.jobId}`, {
      remedy: outer === undefined ? remedy : `${remedy}; ${outer.sentence}, to be used by: ${outer.use}`,
    });
  }
  if (supervisorHasEnded(state)) {
    throw new UnetError(
      'UNET_NO_CLUSTER',
      `the supervisor of ${state.jobId} (pid ${state.supervisor.pid}) is dead, and so is its cluster`,
      {
        log: job.paths.supervisorLog,
        remedy: '"unet up" brings up another, "unet down" removes what is left',
      },
    );
  }
  return found;
}

/** What to do where there is none: it depends on what became of the last one, which a supervisor that was killed cannot say. */
function afterLast(state: JobState | undefined, { logs }: JobPaths): string {
  if (state?.error !== undefined) {
    return `the last one failed: ${state.error.message}; its logs are in ${logs}`;
  }
  return state?.message === undefined
    ? 'bring one up with "unet up"'
    : `the last one is gone: ${state.message}; its logs are in ${logs}; "unet up" brings up another`;
}

/** The state of a cluster for who works in it: its kubeconfig can be read here. @throws UnetError UNET_NO_CLUSTER */
export async function usableCluster(job: Job): Promise<JobState> {
  return await withKubeconfigHere(job, await findCluster(job));
}

/** Sends `request` to the job's supervisor on this host; undefined when there is none. */
export async function ask(
  job: Job,
  request: ControlRequest,
  signal?: AbortSignal,
): Promise<AsyncIterable<UnetEvent> | undefined> {
  const usual = controlSocket(job.allocation.jobId).path;
  // Its TMPDIR may have been another. On another host the path leads nowhere.
  const named = (await findState(job))?.state.supervisor.socket || usual;
  const options = { silenceMs: job.settings.silence, signal };
  return (
    (await askSupervisor(named, request, options)) ??
    (named === usual ? undefined : await askSupervisor(usual, request, options))
  );
}

/** A living supervisor on another host. */
export async function supervisedElsewhere(job: Job): Promise<FoundState | undefined> {
  const found = await findState(job);
  return found !== undefined && (await livesElsewhere(job, found)) ? found : undefined;
}

/** Starts a supervisor, detached from this terminal, and resolves with its events. */
export async function startSupervisor(job: Job, signal?: AbortSignal): Promise<AsyncIterable<UnetEvent>> {
  await ensurePrivateDirectory(job.paths.directory);
  await ensurePrivateDirectory(job.paths.logs);
  const { allocation, settings, cwd, unet, env, paths } = job;
  const request = { allocation, settings, jobDir: paths.directory, unet, cwd };
  const supervisor = startSupervisorProcess(request, env);
  return await firstAnswer(job, supervisor, signal);
}

async function firstAnswer(
  job: Job,
  supervisor: SupervisorProcess,
  signal?: AbortSignal,
): Promise<AsyncIterable<UnetEvent>> {
  let deadline = performance.now() + START_TIMEOUT_MS;
  let ended = false;
  for (;;) {
    const events = await ask(job, { type: 'follow' }, signal);
    if (events !== undefined) {
      return events;
    }
    if (!ended && !isAlive(supervisor.pid)) {
      const failure = supervisor.failure();
      if (failure !== undefined) {
        throw failure;
      }
      // When two start at the same time one of them has ended at once: the other is about to answer.
      ended = true;
      deadline = performance.now() + RIVAL_MS;
    }
    if (performance.now() > deadline) {
      const { supervisorLog } = job.paths;
      const how = ended
        ? 'has ended before it answered'
        : `did not answer within ${START_TIMEOUT_MS / 1000} s`;
      throw new UnetError('UNET_SUPERVISOR', `the supervisor ${how}`, {
        tail: lastLines(supervisor.output()),
        ...(existsSync(supervisorLog) ? { log: supervisorLog } : {}),
      });
    }
    await sleep(POLL_MS, undefined, { signal });
  }
}
