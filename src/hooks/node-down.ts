/** What an epilog does on its node, as the job's user: whatever of the job is there goes, with its supervisor's help or without. */
import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Allocation } from '../allocation/allocation.ts';
import type { Settings } from '../config/schema.ts';
import { UnetError } from '../errors.ts';
import { removeEmptyParents } from '../files/empty-parents.ts';
import { fluxEnvironment } from '../flux/flux.ts';
import { getattr } from '../flux/instance.ts';
import { buryJob, removeControl } from '../job/bury.ts';
import { controlSocket, jobPaths, jobsDirectory, userNodeDirectory } from '../job/layout.ts';
import { nodeDirectories } from '../job/node-directory.ts';
import { type Presence, presencesOf, removePresence } from '../job/presence.ts';
import { readState } from '../job/state.ts';
import { endSupervisor } from '../lead/end-supervisor.ts';
import { ask, type Job } from '../lead/job.ts';
import { jobSpec } from '../lead/spec.ts';
import { endAgent } from '../node/end-agent.ts';
import { prepare } from '../node/prepare.ts';
import { recordedNodes } from '../node/record.ts';
import { teardown } from '../node/teardown.ts';
import { childEnvironment } from '../process/environment.ts';
import { hookJob, type Scheduler } from './allocation.ts';

export type NodeDownOptions = {
  scheduler: Scheduler;
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
  const roots = [...new Set([userNodeDirectory(tmpdir()), ...places])].map((place) => join(place, jobId));
  if (!roots.some((root) => existsSync(root))) {
    return { jobId, found: false, problems: [] };
  }
  const nodes = await nodesHere(scheduler, presences, roots);
  const [known] = presences;
  const context = contextOf(options, jobId, known);
  const leads = existsSync(controlSocket(jobId).directory) && (scheduler === 'slurm' || leadsHere(known));
  if (leads) {
    await askSupervisor(context, options.deadlineMs * ORDERLY_SHARE);
  }
  const stepMs = options.deadlineMs * STEP_SHARE;
  const cleaned = await Promise.all(
    nodes.map((node) =>
      cleanNode(context, node, presences.find((one) => one.node === node)?.pid, stepMs).then(
        () => undefined,
        (error: unknown) => UnetError.from(error).with({ node }),
      ),
    ),
  );
  const problems = cleaned.filter((problem) => problem !== undefined);
  if (leads) {
    await endSupervisor(context.paths.state, stepMs);
    await buryLead(context, problems.length > 0);
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

/** In Slurm a host is one node, so a supervisor here is this node's; of a Flux there may be several brokers on it. */
function leadsHere(known: Presence | undefined): boolean {
  return known === undefined || known.allocation.nodes[0] === known.node;
}

/** Several brokers of one Flux may be on this host, each with an epilog of its own. */
async function ownPresences(
  scheduler: Scheduler,
  jobId: string,
  env: NodeJS.ProcessEnv,
): Promise<Presence[]> {
  const all = await presencesOf(jobId);
  if (scheduler === 'slurm' || all.length < 2) {
    return all;
  }
  const rank = await getattr('rank', { env: fluxEnvironment(env) }).catch(() => undefined);
  return all.filter((presence) => rank === undefined || presence.rank === rank);
}

/** In Slurm also the nodes of a cluster that the job's own `unet up` has made: their agents end with their step. */
async function nodesHere(
  scheduler: Scheduler,
  presences: Presence[],
  roots: readonly string[],
): Promise<string[]> {
  const nodes = presences.map(({ node }) => node);
  const recorded = scheduler === 'slurm' || presences.length === 0 ? roots : [];
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

async function cleanNode(job: Context, node: string, pid: number | undefined, stepMs: number): Promise<void> {
  const { allocation, settings, paths, unet, env } = job;
  const { jobId } = allocation;
  await endAgent(pid, jobId, stepMs);
  const spec = jobSpec(
    { allocation, settings, unet, jobDir: paths.directory },
    { epoch: 1, nodes: allocation.nodes, nonce: '', mode: 'clean' },
  );
  spec.stepTimeouts.down = Math.min(spec.stepTimeouts.down, stepMs);
  const { directory, root, problem } = await prepare(spec, node, env);
  if (problem !== undefined) {
    throw problem;
  }
  await teardown({
    directory,
    root,
    env: childEnvironment(env),
    timeoutMs: spec.stepTimeouts.down,
    onLine: () => {},
  });
  await removePresence(jobId, node);
}

/** What the supervisor leaves when it could not end by itself. */
async function buryLead({ allocation, paths }: Context, keepLogs: boolean): Promise<void> {
  const state = await readState(paths.state).catch(() => undefined);
  if (existsSync(paths.directory) && state?.phase !== 'stopped') {
    await buryJob(paths, { keepLogs: keepLogs || state?.error !== undefined });
  }
  await rm(paths.kubeconfig, { force: true });
  await removeControl(allocation.jobId);
}
