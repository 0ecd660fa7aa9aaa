/**
 * The node agent: one resident process on each node. It runs its node's plan, holds what it made, and takes it away
 * again when it is told to, when its input ends, on a signal, or when the supervisor has gone silent.
 */
import { existsSync } from 'node:fs';
import '../process/jitless.ts';
import { setMaxListeners } from 'node:events';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { EXIT, UnetError } from '../errors.ts';
import { cleanAfterSupervisor } from '../job/clean-after-supervisor.ts';
import { jobPaths, nodeLogs } from '../job/layout.ts';
import { withDeadline } from '../process/deadline.ts';
import { createAssembler } from '../protocol/frames.ts';
import type { Hello } from '../protocol/from-agent.ts';
import { JobSpec, ToAgents } from '../protocol/to-agents.ts';
import { checkPeer, PROTOCOL } from '../protocol/version.ts';
import type { StepName } from '../steps.ts';
import { serveBringUp } from './bring-up.ts';
import { type Channel, openChannel } from './channel.ts';
import { cleanPlace } from './clean-node.ts';
import { type Guardian, startGuardian } from './guardian.ts';
import { createInbox, type Inbox } from './inbox.ts';
import { openScheduler } from './open-scheduler.ts';
import { type Prepared, prepare } from './prepare.ts';
import { readAhead } from './read-ahead.ts';
import { readNodeRecord } from './record.ts';
import { watchSilence } from './silence.ts';
import { openStepLog, type StepLog } from './step-log.ts';

const SPEC_TIMEOUT_MS = 60_000;
const IDLE_MS = 5;

export type AgentOptions = {
  node: string;
  /** Version of this unet. */
  unet: string;
  input: Readable;
  output: Writable;
  env: NodeJS.ProcessEnv;
  /** Aborted by the process's signals; its reason is said. */
  signal: AbortSignal;
};

/** Why the agent ends. `asked`: the supervisor is there and does the rest. `signal`: as at the end of the job. */
export type Stop = {
  reason: string;
  by: 'asked' | 'signal' | 'silence';
  /** The bring-up has failed: what explains it is brought away first. */
  diagnose?: boolean | undefined;
};

/** One agent's life, from its spec to its end. */
export type Life = {
  spec: JobSpec;
  options: AgentOptions;
  channel: Channel;
  inbox: Inbox;
  /** Aborted with a Stop. */
  stopping: AbortSignal;
  prepared: Prepared;
  openLog: (step: StepName) => StepLog;
  /** Directory of this node's logs. */
  logs: string;
  /** Set while the network is proven: frees the ports. */
  endProof?: () => Promise<void>;
  /** Set when there may be something to explain a failure; see diagnostics.ts. */
  diagnose?: () => Promise<unknown>;
  /** The supervisor has declared the cluster usable. */
  usable: boolean;
};

/** Runs until the node is taken down again; resolves with the exit code. */
export async function runAgent(options: AgentOptions): Promise<number> {
  const inbox = createInbox();
  const stopping = new AbortController();
  // Each kind of message that may come waits with it.
  setMaxListeners(0, stopping.signal);
  const stop = (reason: string, by: Stop['by'] = 'silence', diagnose = false) =>
    stopping.abort({ reason, by, diagnose } satisfies Stop);
  let heard = () => {};
  const assemble = createAssembler(receive, () => {});
  const channel = openChannel({
    input: options.input,
    output: options.output,
    node: options.node,
    onLine: (line) => {
      heard();
      assemble(line);
    },
    onEnd: () => stop('the supervisor is gone: input ended'),
  });
  options.signal.addEventListener('abort', () => stop(signalReason(options.signal), 'signal'), {
    once: true,
  });

  function receive(message: unknown): void {
    const parsed = ToAgents.safeParse(message);
    if (!parsed.success) {
      const foreign = JobSpec.pick({ type: true, protocol: true, unet: true }).safeParse(message);
      if (foreign.success) {
        channel.send(refusal(options, foreign.data));
        stop('the supervisor speaks another protocol');
      }
    } else if (parsed.data.type === 'stop') {
      stop(parsed.data.reason, 'asked', parsed.data.diagnose?.includes(options.node));
    } else if (parsed.data.type !== 'ping') {
      inbox.deliver(parsed.data);
    }
  }

  // Started before anybody knew what for: the time until then is used.
  const idle = setTimeout(readAhead, IDLE_MS);
  const spec = await firstSpec(inbox, stopping.signal);
  clearTimeout(idle);
  if (spec === undefined) {
    await channel.flush();
    return EXIT.preflight;
  }
  if (spec.protocol !== PROTOCOL) {
    channel.send(refusal(options, spec));
    await channel.flush();
    return EXIT.preflight;
  }
  const silence = watchSilence({
    intervalMs: spec.heartbeatMs,
    silenceMs: spec.silenceMs,
    beat: () => channel.send({ type: 'beat', node: options.node }),
    onSilence: (seconds) => stop(`nothing heard from the supervisor for ${seconds} s`),
  });
  heard = silence.heard;
  try {
    return await live(spec, options, channel, inbox, stopping.signal);
  } finally {
    silence.stop();
  }
}

async function firstSpec(inbox: Inbox, stopping: AbortSignal): Promise<JobSpec | undefined> {
  try {
    return await withDeadline(SPEC_TIMEOUT_MS, stopping, (limit) => inbox.take('spec', limit), noSpec);
  } catch {
    return undefined;
  }
}

function noSpec(): UnetError {
  return new UnetError('UNET_PROTOCOL', `no job spec came within ${SPEC_TIMEOUT_MS / 1000} s`);
}

function signalReason(signal: AbortSignal): string {
  return UnetError.is(signal.reason) ? signal.reason.message : String(signal.reason);
}

async function live(
  spec: JobSpec,
  options: AgentOptions,
  channel: Channel,
  inbox: Inbox,
  stopping: AbortSignal,
): Promise<number> {
  const prepared = await prepare(spec, options.node, options.env);
  const logs = prepared.seesJobDir ? nodeLogs(spec.jobDir, options.node) : join(prepared.directory, 'logs');
  const life: Life = {
    spec,
    options,
    channel,
    inbox,
    stopping,
    prepared,
    usable: false,
    logs,
    openLog: (step) =>
      openStepLog(join(logs, `${step}.log`), (message) =>
        channel.send({ type: 'warning', node: options.node, message }),
      ),
  };
  if (spec.mode === 'clean') {
    return await end(life);
  }
  const guardian = prepared.problem === undefined ? await guardianOf(life) : undefined;
  await serveBringUp(life);
  const code = await end(life);
  await guardian?.release();
  return code;
}

function guardianOf({ spec, options, prepared, channel }: Life): Promise<Guardian> {
  const { node, env } = options;
  const { directory, root, seesJobDir } = prepared;
  const { jobId, jobDir, nonce, stepTimeouts } = spec;
  return startGuardian(
    {
      ...{ jobId, node, directory, root, downMs: stepTimeouts.down },
      ...(isNearSupervisor(spec, node) && seesJobDir ? { job: { directory: jobDir, nonce } } : {}),
    },
    env,
    (message) => channel.send({ type: 'warning', node, message }),
  );
}

function isNearSupervisor(spec: JobSpec, node: string): boolean {
  return node === spec.lead || node === spec.supervisorNode;
}

async function end(life: Life): Promise<number> {
  const { spec, options, channel, stopping, prepared } = life;
  const { reason, by, diagnose } = (
    stopping.aborted ? stopping.reason : { reason: 'cleaned', by: 'asked' }
  ) as Stop;
  if (diagnose === true) {
    await life.diagnose?.();
  }
  const [problem] = await Promise.all([takeAway(life), removeTraces(spec, options)]);
  channel.send({
    type: 'bye',
    node: options.node,
    clean: problem === undefined,
    reason,
    bySignal: by === 'signal',
    problem: problem?.toRecord(),
  });
  await channel.flush();
  if (by !== 'asked' && isNearSupervisor(spec, options.node) && prepared.seesJobDir) {
    await cleanAfterSupervisor(jobPaths(spec.jobDir), {
      jobId: spec.jobId,
      nonce: spec.nonce,
      // A job that ended while all was well leaves nothing; one that broke leaves its logs.
      keepLogs: !(life.usable && by === 'signal'),
      reason,
    });
  }
  return problem === undefined ? EXIT.done : EXIT.failed;
}

/** The lead's agent: nothing is left in the scheduler of a supervisor that has died. */
async function removeTraces(spec: JobSpec, { node, env }: AgentOptions): Promise<void> {
  if (node === spec.lead) {
    await openScheduler(spec, node, env).removeTraces?.(spec.clusterName);
  }
}

/** Tears down, twice if need be; undefined when nothing is left. */
async function takeAway({ prepared, spec, options, openLog }: Life): Promise<UnetError | undefined> {
  if (prepared.problem?.code === 'UNET_UNSAFE_PATH') {
    // What was refused is not ours to touch.
    return undefined;
  }
  const recorded = await readNodeRecord(prepared.directory).catch(() => undefined);
  // The supervisor of an instance that has ended may have removed it.
  const hasJobDir = prepared.seesJobDir && existsSync(spec.jobDir);
  const log = recorded?.up === true && hasJobDir ? openLog('down') : undefined;
  const problem = await cleanPlace(prepared, {
    env: options.env,
    timeoutMs: spec.stepTimeouts.down,
    node: options.node,
    onLine: (line) => log?.line(line),
  });
  log?.close();
  return problem;
}

/** The hello of an agent that cannot understand its supervisor. */
function refusal(options: AgentOptions, peer: { protocol: number; unet: string }): Hello {
  let problem = new UnetError('UNET_PROTOCOL', 'the supervisor sent a job spec that this agent cannot read');
  try {
    checkPeer(peer, options.unet, 'the supervisor');
  } catch (error) {
    problem = UnetError.from(error);
  }
  return {
    type: 'hello',
    node: options.node,
    protocol: PROTOCOL,
    unet: options.unet,
    host: hostname(),
    pid: process.pid,
    nodeDir: '',
    seesJobDir: false,
    slot: -1,
    problem: problem.with({ node: options.node }).toRecord(),
  };
}
