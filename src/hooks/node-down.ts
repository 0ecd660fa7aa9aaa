/** What an epilog does on its node, as the job's user: whatever of the job is there goes, with its supervisor's help or without. */
import { existsSync } from 'node:fs';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import type { Settings } from '../config/schema.ts';
import { UnetError } from '../errors.ts';
import { removeEmptyParents } from '../files/empty-parents.ts';
import { temporaryDirectory } from '../files/temporary.ts';
import { controlSocket, jobPaths, jobsDirectory, userNodeDirectory } from '../job/layout.ts';
import { nodeDirectories } from '../job/node-directory.ts';
import { endJob, removeControl, removeSecrets } from '../job/remove-job.ts';
import { readState } from '../job/state.ts';
import { jobSpec } from '../launch/job-spec.ts';
import { type Presence, presencesOf, removePresence } from '../launch/presence.ts';
import { cleanNode } from '../node/clean-node.ts';
import { recordedNodes } from '../node/record.ts';
import type { Allocation } from '../scheduler/allocation.ts';
import { openAllocation } from '../scheduler/registry.ts';
import { endSupervisor } from '../session/end-supervisor.ts';
import { ask, type Job } from '../session/job.ts';
import { type HookScheduler, hookJob, hooksOf } from './schedulers.ts';

export type NodeDownOptions = {
  scheduler: HookScheduler;
  /** Those of the command line, for a job whose prolog left no record of its own. */
  settings: Settings;
  env: NodeJS.ProcessEnv;
  cwd: string;
  unet: string;
  /** Milliseconds for all of it. */
  deadlineMs: number;
};

export type NodeDownResult = { jobId: string; found: boolean; problems: UnetError[] };

// Of the deadline: the supervisor's orderly way, then each of what is ended and removed without it.
const ORDERLY_SHARE = 0.5;
const STEP_SHARE = 0.2;

/** Repeatable; nothing there is nothing to do. */
export async function nodeDown(options: NodeDownOptions): Promise<NodeDownResult> {
  const { scheduler, env } = options;
  const { jobId } = hookJob(scheduler, env);
  const presences = await ownPresences(scheduler, jobId, env);
  const places = nodeDirectories((presences[0]?.settings ?? options.settings).nodeDir);
  const roots = [...new Set([userNodeDirectory(temporaryDirectory()), ...places])].map((place) =>
    join(place, jobId),
  );
  if (!roots.some((root) => existsSync(root))) {
    return { jobId, found: false, problems: [] };
  }
  const nodes = await nodesHere(scheduler, presences, roots);
  const [known] = presences;
  const context = contextOf(options, jobId, known);
  const leads =
    existsSync(controlSocket(jobId).directory) && (hooksOf(scheduler).oneNodePerHost || leadsHere(known));
  if (leads) {
    await askSupervisor(context, options.deadlineMs * ORDERLY_SHARE);
  }
  const stepMs = options.deadlineMs * STEP_SHARE;
  const cleaned = await Promise.all(
    nodes.map((node) =>
      cleanHere(
        context,
        node,
        presences.find((one) => one.node === node),
        stepMs,
      ).then(
        () => undefined,
        (error: unknown) => UnetError.from(error).with({ node }),
      ),
    ),
  );
  const problems = cleaned.filter((problem) => problem !== undefined);
  if (leads) {
    await endSupervisor(context.paths.state, stepMs);
    await endLead(context, problems.length > 0);
  }
  await Promise.all(roots.map((root) => removeEmptyParents(join(root, 'any'), dirname(root))));
  return { jobId, found: true, problems };
}

type Context = Job & { allocation: Allocation };

function contextOf(options: NodeDownOptions, jobId: string, known: Presence | undefined): Context {
  const { env, cwd, unet } = options;
  const settings = known?.settings ?? options.settings;
  const paths = jobPaths(known?.jobDir ?? join(jobsDirectory(settings.jobDir, env), jobId));
  const allocation = known?.allocation ?? {
    kind: options.scheduler,
    jobId,
    nodes: [hostname()],
  };
  return { allocation, settings, paths, env, cwd, unet };
}

/** Where a host is one node, a supervisor here is this node's; otherwise the lead's record says whose it is. */
function leadsHere(known: Presence | undefined): boolean {
  return known === undefined || known.allocation.nodes[0] === known.node;
}

/** The scheduler may have several nodes on this host, each with an epilog of its own. */
async function ownPresences(
  scheduler: HookScheduler,
  jobId: string,
  env: NodeJS.ProcessEnv,
): Promise<Presence[]> {
  const all = await presencesOf(jobId);
  if (all.length < 2) {
    return all;
  }
  const rank = await hooksOf(scheduler).rank?.(env);
  return all.filter((presence) => rank === undefined || presence.rank === rank);
}

/** Where a host is one node also the nodes of a cluster that the job's own `unet up` has made: their agents end with their step. */
async function nodesHere(
  scheduler: HookScheduler,
  presences: Presence[],
  roots: readonly string[],
): Promise<string[]> {
  const nodes = presences.map(({ node }) => node);
  const recorded = hooksOf(scheduler).oneNodePerHost || presences.length === 0 ? roots : [];
  return [...new Set([...nodes, ...(await Promise.all(recorded.map(recordedNodes))).flat()])];
}

/** Resolves when the supervisor has ended, or its time is over. */
async function askSupervisor(job: Context, timeoutMs: number): Promise<void> {
  try {
    const signal = AbortSignal.timeout(timeoutMs);
    const events = await ask(job, { type: 'down', reason: 'the job has ended' }, signal);
    for await (const _ of events ?? []) {
      // To the end of the connection.
    }
  } catch {
    // It hangs, or was killed meanwhile: what it would have done is done without it.
  }
}

async function cleanHere(
  job: Context,
  node: string,
  agent: Presence | undefined,
  stepMs: number,
): Promise<void> {
  const { allocation, settings, paths, unet, env } = job;
  const { jobId } = allocation;
  const spec = jobSpec(
    { allocation, settings, unet, jobDir: paths.directory },
    openAllocation(allocation, env),
    { epoch: 1, nodes: allocation.nodes, nonce: '', mode: 'clean' },
  );
  const timeoutMs = Math.min(spec.stepTimeouts.down, stepMs);
  spec.stepTimeouts.down = timeoutMs;
  await cleanNode(spec, { node, agent, env, timeoutMs: stepMs });
  await removePresence(jobId, node);
}

/** What the supervisor leaves when it could not end by itself. */
async function endLead({ allocation, paths }: Context, keepLogs: boolean): Promise<void> {
  const { jobId } = allocation;
  const state = await readState(paths.state).catch(() => undefined);
  if (existsSync(paths.directory) && state?.phase !== 'stopped') {
    const reason = 'the job has ended';
    const keep = keepLogs || state?.error !== undefined;
    await endJob(paths, { jobId, state, keepLogs: keep, reason });
  } else {
    await removeSecrets(paths);
    await removeControl(jobId);
  }
}
