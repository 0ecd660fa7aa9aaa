/** What `unet down` does: ask the supervisor, here or on its host; and without one, clean every node. */
import { existsSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ErrorRecord, UnetError } from '../errors.ts';
import type { UnetEvent } from '../events/types.ts';
import { writePrivateFile } from '../files/private-file.ts';
import { nodeDirectories } from '../job/node-directory.ts';
import { endJob, removeControl } from '../job/remove-job.ts';
import { type JobState, readState } from '../job/state.ts';
import { cleanNodes } from '../launch/clean-nodes.ts';
import { jobSpec } from '../launch/job-spec.ts';
import { cleanOwnHost } from '../node/clean-node.ts';
import { recordedNodes } from '../node/record.ts';
import { openAllocation } from '../scheduler/registry.ts';
import { downOnItsNode } from './down-elsewhere.ts';
import { endSupervisor } from './end-supervisor.ts';
import { ask, type Job, supervisedElsewhere } from './job.ts';

const POLL_MS = 500;
// As the supervisor's own: two tries of make down-v, and the agents' start.
const CLEAN_MARGIN_MS = 15_000;
const END_GRACE_MS = 2000;

export type TakeDownResult = {
  /** How it was done, for a person. */
  by: 'supervisor' | 'supervisor elsewhere' | 'cleaning agents';
  problems: ErrorRecord[];
  /** Where the logs of a failed cluster still are. */
  logs?: string | undefined;
};

/** Takes the job's cluster away. Repeatable: nothing there is nothing to do. */
export async function takeDown(
  job: Job,
  onEvent: (event: UnetEvent) => void,
  reason = 'unet down',
): Promise<TakeDownResult> {
  const events = await ask(job, { type: 'down', reason });
  const ended = events === undefined ? undefined : await followDown(events, onEvent).catch(unlessSilent);
  if (ended?.stopped === true) {
    return { by: 'supervisor', problems: ended.problems, logs: ended.logs };
  }
  if (events !== undefined && ended === undefined) {
    await endSupervisor(job.paths.state, END_GRACE_MS);
  }
  const elsewhere = await supervisedElsewhere(job);
  if (elsewhere?.from === 'record') {
    await downOnItsNode(job, elsewhere, onEvent, downTimeoutMs(job));
    return { by: 'supervisor elsewhere', problems: [] };
  }
  if (elsewhere !== undefined) {
    const failed = await askElsewhere(job, elsewhere.state);
    return { by: 'supervisor elsewhere', problems: [], logs: failed ? job.paths.logs : undefined };
  }
  return { by: 'cleaning agents', ...(await cleanWithoutSupervisor(job)) };
}

function unlessSilent(error: unknown): undefined {
  if (!UnetError.is(error) || error.code !== 'UNET_SUPERVISOR_SILENT') {
    throw error;
  }
}

/** `stopped` is false when the supervisor was killed before it had seen the end. */
async function followDown(
  events: AsyncIterable<UnetEvent>,
  onEvent: (event: UnetEvent) => void,
): Promise<{ stopped: boolean; problems: ErrorRecord[]; logs: string | undefined }> {
  const problems: ErrorRecord[] = [];
  let stopping = false;
  let stopped = false;
  let logs: string | undefined;
  for await (const event of events) {
    stopping ||= event.type === 'cluster' && event.phase === 'stopping';
    if (event.type === 'cluster' && event.phase === 'stopped') {
      stopped = true;
      logs = event.logs;
    }
    if (stopping) {
      onEvent(event);
      if (event.type === 'error') {
        problems.push(event.error);
      }
    }
  }
  return { stopped, problems, logs };
}

/** The supervisor polls for this file; its state, or the end of it, tells when it is done. True when its cluster had failed: logs are kept. */
async function askElsewhere(job: Job, state: JobState): Promise<boolean> {
  await writePrivateFile(job.paths.downRequest, `${hostname()}\n`);
  const timeoutMs = downTimeoutMs(job);
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const now = await readState(job.paths.state);
    if (now === undefined || now.phase === 'stopped') {
      return now?.error !== undefined;
    }
    if (performance.now() > deadline) {
      throw new UnetError(
        'UNET_TEARDOWN_INCOMPLETE',
        `the supervisor on ${state.supervisor.host} did not take the cluster down within ${timeoutMs / 1000} s`,
        {
          remedy: `run "unet down" on ${state.supervisor.host}`,
        },
      );
    }
    await sleep(POLL_MS);
  }
}

function downTimeoutMs({ settings }: Job): number {
  return 3 * settings.stepTimeouts.down + CLEAN_MARGIN_MS;
}

async function cleanWithoutSupervisor(
  job: Job,
): Promise<{ problems: ErrorRecord[]; logs: string | undefined }> {
  const state = await readState(job.paths.state);
  const done =
    state?.phase === 'stopped' && state.nodes.every((node) => node.clean === true || node.host === undefined);
  const options = await cleanOptions(job, state);
  const clean = job.allocation.ended === true ? cleanOwnHost : cleanNodes;
  const problems = done ? [] : await clean(options);
  if (problems.length === 0) {
    await endJob(job.paths, {
      jobId: job.allocation.jobId,
      state,
      keepLogs: state?.error !== undefined,
      reason: 'unet down',
    });
  } else {
    await removeControl(job.allocation.jobId);
  }
  // Not looked for: a client of a file server may still see what was just removed.
  const kept = state?.error !== undefined || (state !== undefined && problems.length > 0);
  return { problems: problems.map((problem) => problem.toRecord()), logs: kept ? job.paths.logs : undefined };
}

async function cleanOptions(job: Job, state: JobState | undefined) {
  const { allocation, settings, env, unet } = job;
  const nodes = await nodesToClean(job, state);
  const { paths } = job;
  const epoch = Math.max(state?.epoch ?? 1, 1);
  const scheduler = openAllocation(allocation, env);
  const begun = new Set(state?.nodes.filter(({ host }) => host !== undefined).map(({ name }) => name));
  const spec = jobSpec({ allocation, settings, unet, jobDir: paths.directory }, scheduler, {
    epoch,
    nodes,
    nonce: '',
    mode: 'clean',
  });
  return {
    launcher: scheduler.launcher,
    nodes,
    // What has never said hello has made nothing, and what cannot be reached then is no problem.
    isBegun: (node: string) => begun.has(node),
    env,
    spec,
    timeoutMs: 2 * settings.stepTimeouts.down + CLEAN_MARGIN_MS,
    onDiagnostic: () => {},
    onClean: () => {},
  };
}

/** All nodes of the allocation; of made-up ones those that left a directory; of one that is over this host. */
async function nodesToClean(
  { allocation, settings, env }: Job,
  state: JobState | undefined,
): Promise<string[]> {
  const { self, ended = false } = allocation;
  if (!openAllocation(allocation, env).madeUpNodes && !ended) {
    return [...allocation.nodes];
  }
  const places = nodeDirectories(settings.nodeDir).map((root) => join(root, allocation.jobId));
  if (ended) {
    // Nothing can be started on the other nodes, which their agents and guardians have cleaned.
    return self !== undefined && places.some((place) => existsSync(place)) ? [self] : [];
  }
  const recorded = (await Promise.all(places.map(recordedNodes))).flat();
  const known = state?.nodes.map(({ name }) => name) ?? [];
  return [...new Set([...recorded, ...known])];
}
