/** What `unet down` does: ask the supervisor, here or on its host; and without one, clean every node. */
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
  logs?: string;
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
    return { by: 'supervisor', problems: ended.problems, ...(await keptLogs(job)) };
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
    const problems = await askElsewhere(job, elsewhere.state);
    return { by: 'supervisor elsewhere', problems, ...(await keptLogs(job)) };
  }
  return { by: 'cleaning agents', problems: await cleanWithoutSupervisor(job), ...(await keptLogs(job)) };
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
): Promise<{ stopped: boolean; problems: ErrorRecord[] }> {
  const problems: ErrorRecord[] = [];
  let stopping = false;
  let stopped = false;
  for await (const event of events) {
    stopping ||= event.type === 'cluster' && event.phase === 'stopping';
    stopped ||= event.type === 'cluster' && event.phase === 'stopped';
    if (stopping) {
      onEvent(event);
      if (event.type === 'error') {
        problems.push(event.error);
      }
    }
  }
  return { stopped, problems };
}

/** The supervisor polls for this file; its state, or the end of it, tells when it is done. */
async function askElsewhere(job: Job, state: JobState): Promise<ErrorRecord[]> {
  await writePrivateFile(job.paths.downRequest, `${hostname()}\n`);
  const timeoutMs = downTimeoutMs(job);
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const now = await readState(job.paths.state);
    if (now === undefined || now.phase === 'stopped') {
      return [];
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

async function cleanWithoutSupervisor(job: Job): Promise<ErrorRecord[]> {
  const state = await readState(job.paths.state);
  const done =
    state?.phase === 'stopped' && state.nodes.every((node) => node.clean === true || node.host === undefined);
  const problems = done ? [] : await cleanNodes(await cleanOptions(job, state));
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
  return problems.map((problem) => problem.toRecord());
}

async function cleanOptions(job: Job, state: JobState | undefined) {
  const { allocation, settings, env, unet } = job;
  const nodes = await nodesToClean(job, state);
  const { paths } = job;
  const epoch = Math.max(state?.epoch ?? 1, 1);
  const scheduler = openAllocation(allocation, env);
  const spec = jobSpec({ allocation, settings, unet, jobDir: paths.directory }, scheduler, {
    epoch,
    nodes,
    nonce: '',
    mode: 'clean',
  });
  return {
    launcher: scheduler.launcher,
    nodes,
    env,
    spec,
    timeoutMs: 2 * settings.stepTimeouts.down + CLEAN_MARGIN_MS,
    onDiagnostic: () => {},
    onClean: () => {},
  };
}

/** All nodes of the allocation; of made-up ones those that left a directory. */
async function nodesToClean(
  { allocation, settings, env }: Job,
  state: JobState | undefined,
): Promise<string[]> {
  if (!openAllocation(allocation, env).madeUpNodes) {
    return [...allocation.nodes];
  }
  const places = nodeDirectories(settings.nodeDir).map((root) => join(root, allocation.jobId));
  const recorded = (await Promise.all(places.map(recordedNodes))).flat();
  const known = state?.nodes.map(({ name }) => name) ?? [];
  return [...new Set([...recorded, ...known])];
}

async function keptLogs(job: Job): Promise<{ logs?: string }> {
  return (await readState(job.paths.state)) === undefined ? {} : { logs: job.paths.logs };
}
