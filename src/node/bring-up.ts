/** The good part of an agent's life: greet, be assigned an identity, run the plan, hold until told to stop. */
import { UnetError } from '../errors.ts';
import type { JoinTransport } from '../join/transport.ts';
import { transport } from '../join/transports.ts';
import { childEnvironment } from '../process/environment.ts';
import { startOf } from '../process/identity.ts';
import type { Life } from './agent.ts';
import { answerProof } from './answer-proof.ts';
import type { NodeContext } from './context.ts';
import { attendControlPlane } from './control-plane.ts';
import { collectDiagnostics } from './diagnostics.ts';
import { holdAndRetry } from './hold.ts';
import { openScheduler } from './open-scheduler.ts';
import { bringNodeUp } from './plan.ts';
import { greet } from './prepare.ts';
import { readAhead } from './read-ahead.ts';
import { claimSlot, type SlotClaim } from './slots.ts';
import { stageDirectory } from './steps/stage.ts';
import { watchContainer } from './watch-container.ts';

/** Resolves when the agent is to end; what fails before is reported to the supervisor, which decides. */
export async function serveBringUp(life: Life): Promise<void> {
  const { stopping } = life;
  try {
    const { hello, claim } = await greet(life.spec, life.options, life.prepared);
    life.channel.send(hello);
    readAhead();
    if (hello.problem === undefined) {
      const claims = answerClaims(life, claim);
      claims.catch(() => {});
      answerProof(life).catch(() => {});
      await work(life);
    }
  } catch (error) {
    if (!stopping.aborted && !UnetError.is(error)) {
      // A UnetError was reported where it happened; this is a defect.
      const problem = UnetError.from(error).with({ node: life.options.node }).toRecord();
      life.channel.send({
        type: 'step',
        state: 'failed',
        node: life.options.node,
        step: 'stage',
        ms: 0,
        error: problem,
      });
    }
  }
  await aborted(stopping);
}

async function work(life: Life): Promise<void> {
  const { inbox, stopping } = life;
  const context = createContext(life);
  // The signal of the life is aborted by then.
  life.diagnose = () => collectDiagnostics(context, new AbortController().signal);
  void inbox.take('usable', stopping).then(
    () => {
      life.usable = true;
    },
    () => {},
  );
  if (context.isLead) {
    await bringNodeUp(context, stopping);
  } else {
    await bringNodeUp(context, stopping).catch(() => {});
    await holdAndRetry(context, stopping);
  }
}

function createContext(life: Life): NodeContext {
  const { spec, options, prepared, channel, inbox, stopping } = life;
  const { node } = options;
  const send: NodeContext['send'] = (message) => channel.send({ ...message, node });
  let receiving = new AbortController();
  let onPublished = () => {};
  const publishedOnce = new Promise<void>((resolve) => {
    onPublished = resolve;
  });
  const context: NodeContext = {
    spec,
    node,
    isLead: node === spec.lead,
    hostIp: '',
    directory: prepared.directory,
    env: options.env,
    scheduler: openScheduler(spec, node, options.env),
    seesJobDir: prepared.seesJobDir,
    joinVia: 'stdio',
    onPublished,
    publishedOnce,
    transport: (epoch) => {
      // The transport of an earlier epoch must not take the records from this one.
      receiving.abort();
      receiving = new AbortController();
      return createTransport(epoch, context, AbortSignal.any([stopping, receiving.signal]));
    },
    record: {
      version: 1,
      jobId: spec.jobId,
      node,
      jobDir: spec.jobDir,
      pid: process.pid,
      start: startOf(process.pid),
      stage: stageDirectory(prepared.directory),
      up: false,
      variables: {},
    },
    inbox,
    turnsAsked: 0,
    tries: 0,
    epoch: spec.epoch,
    send,
    openLog: life.openLog,
    logs: life.logs,
    environment: () => childEnvironment(options.env, context.record.variables),
    endProof: async () => await life.endProof?.(),
    onBooted: () => void watchContainer(context, stopping),
    onKubeconfig: (kubeconfig) => void attend(context, kubeconfig, stopping),
  };
  return context;
}

/** The transport of one epoch: an older record is refused. */
function createTransport(epoch: number, context: NodeContext, stopping: AbortSignal): JoinTransport {
  const { spec, send, inbox, isLead, directory, env } = context;
  const { broadcast } = context.scheduler;
  return transport(context.joinVia).create({
    ...(broadcast === undefined ? {} : { broadcast }),
    isLead,
    directory,
    env,
    jobDir: spec.jobDir,
    expect: { jobId: spec.jobId, epoch },
    onRefused: (error) => send({ type: 'warning', message: error.message }),
    send: (record) => send({ type: 'join-record', record }),
    receive: async () => (await inbox.take('join-record', stopping)).record,
  });
}

async function attend(context: NodeContext, kubeconfig: string, stopping: AbortSignal): Promise<void> {
  try {
    await attendControlPlane(context, kubeconfig, stopping);
  } catch (error) {
    if (!stopping.aborted) {
      context.send({
        type: 'warning',
        message: `following the cluster failed: ${UnetError.from(error).message}`,
      });
    }
  }
}

/** Moves to the slot of ports that the supervisor proposes, or the next free one, until all nodes have the same. */
async function answerClaims(
  { inbox, channel, options, stopping }: Life,
  first: SlotClaim | undefined,
): Promise<void> {
  let held = first;
  for (;;) {
    const { slot, round } = await inbox.take('claim', stopping);
    if (held?.slot !== slot) {
      const next = await claimSlot(slot);
      if (next !== undefined) {
        held?.release();
        held = next;
      }
    }
    channel.send({ type: 'claimed', node: options.node, round, slot: held?.slot ?? -1 });
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) {
      resolve();
    }
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
