/** What a prolog does on its node, as the job's user: starts the node's agent, and on the lead the supervisor, and lets go of them. */
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { loadSettings } from '../config/load.ts';
import type { Settings } from '../config/schema.ts';
import { ensurePrivateDirectory } from '../files/private-directory.ts';
import { jobPaths, jobsDirectory } from '../job/layout.ts';
import { presencePaths, presencesOf, writePresence } from '../launch/presence.ts';
import { startDetached } from '../process/detached.ts';
import { childEnvironment } from '../process/environment.ts';
import { isSameProcess, startOf } from '../process/identity.ts';
import { ownProgram } from '../process/own-program.ts';
import { withFirstNodes } from '../scheduler/detect.ts';
import type { HookAllocation } from '../scheduler/hooks.ts';
import { startSupervisor } from '../session/job.ts';
import type { Asked } from './opt-in.ts';
import { type HookScheduler, hookJob, hooksOf } from './schedulers.ts';

// The other nodes' prologs need not run at the same time, and the KVS of a Flux job is there after the last of them.
const HELLO_AT_LEAST_MS = 300_000;

export type NodeUpOptions = {
  scheduler: HookScheduler;
  asked: Asked;
  env: NodeJS.ProcessEnv;
  /** Where the job was submitted: relative paths and unet.yaml are looked for from there. */
  cwd: string;
  unet: string;
  signal: AbortSignal;
};

export type NodeUpResult = { jobId: string; node: string; did: 'started' | 'found' | 'left out' };

/**
 * Repeatable: a node whose agent lives is left alone. Returns when the processes are started, not when the cluster is up.
 *
 * @throws UnetError when this is no prolog, a setting is wrong, or the supervisor does not start.
 */
export async function nodeUp(options: NodeUpOptions): Promise<NodeUpResult> {
  const { scheduler, asked, env, cwd, unet, signal } = options;
  const whole = await hooksOf(scheduler).allocation(env, hookJob(scheduler, env), signal);
  const { settings } = await loadSettings({ flags: asked, env, cwd });
  const allocation = withFirstNodes(whole, settings.nodes);
  const { jobId, self: node } = allocation;
  if (!allocation.nodes.includes(node)) {
    return { jobId, node, did: 'left out' };
  }
  const present = (await presencesOf(jobId)).find((presence) => presence.node === node);
  if (present !== undefined && isSameProcess(present)) {
    return { jobId, node, did: 'found' };
  }
  const patient = withPatience(settings);
  const jobDir = join(jobsDirectory(settings.jobDir, env), jobId);
  if (node === allocation.nodes[0]) {
    // Its answer is waited for: the script's own `unet up` may come a moment later, and there must not be two.
    const heard = new AbortController();
    await startSupervisor(
      { allocation, settings: patient, paths: jobPaths(jobDir), env, cwd, unet },
      heard.signal,
    );
    heard.abort();
  }
  signal.throwIfAborted();
  await startAgent(allocation, patient, jobDir, env);
  return { jobId, node, did: 'started' };
}

async function startAgent(
  allocation: HookAllocation,
  settings: Settings,
  jobDir: string,
  env: NodeJS.ProcessEnv,
): Promise<void> {
  const { jobId, self: node, rank } = allocation;
  const { directory, output } = presencePaths(jobId, node);
  await ensurePrivateDirectory(directory);
  const presence = { version: 1 as const, pid: 0, node, rank, jobDir, allocation, settings };
  const file = await writePresence(presence);
  const log = await open(output, 'w', 0o600);
  try {
    const argv = [...ownProgram(), 'node', 'agent', '--job', jobId, '--presence', file];
    const pid = await startDetached(argv, { env: childEnvironment(env), cwd: '/', logFd: log.fd });
    // Before the prolog ends, so that the epilog knows it even if that comes at once.
    await writePresence({ ...presence, pid, start: startOf(pid) });
  } finally {
    await log.close();
  }
}

function withPatience(settings: Settings): Settings {
  const { stepTimeouts } = settings;
  return {
    ...settings,
    stepTimeouts: { ...stepTimeouts, hello: Math.max(stepTimeouts.hello, HELLO_AT_LEAST_MS) },
  };
}
