/**
 * All that the supervisor decides, as a function of what it knows (the roster), of what came (an input) and of the time: the effects
 * are data, which supervisor.ts carries out. No file, process, timer or clock is used here.
 */
import { type ErrorRecord, UnetError } from '../errors.ts';
import type { ClusterPhase } from '../events/types.ts';
import type { FromAgent } from '../protocol/from-agent.ts';
import type { JobSpec } from '../protocol/to-agents.ts';
import type { SchedulerJob } from '../scheduler/scheduler.ts';
import { type AgentEnds, createAgentEnds } from './agent-ends.ts';
import { withClock } from './clocks.ts';
import { type Cluster, type SupervisorOptions, wantedNodes } from './cluster.ts';
import type { Effect, Input } from './effects.ts';
import { giveUp } from './give-up.ts';
import { createHandshake } from './handshake.ts';
import { createJoining } from './joining.ts';
import { isEnding, isUp, mayFollow } from './phases.ts';
import { createReadiness } from './readiness.ts';
import { createReceiver } from './receive.ts';
import { retryMissing } from './retry.ts';
import { createRoster, isSettled, type NodeEntry } from './roster.ts';
import { describePending, judge, judgeLater } from './verdict.ts';

const DIAGNOSED_WORKERS = 4;

export type DecisionOptions = {
  options: Pick<SupervisorOptions, 'settings' | 'allocation' | 'unet'>;
  scheduler: Pick<SchedulerJob, 'joinTransports' | 'whyNoArchive' | 'madeUpNodes'>;
  spec: JobSpec;
  epoch: number;
  /** Path of the job's logs, for errors. */
  logs: string;
  packArchitecture: () => string | undefined;
  launcher: { remedy: string; diagnostics: () => readonly string[] };
};

export type Decisions = {
  roster: Cluster['roster'];
  lead: NodeEntry;
  phase: () => ClusterPhase;
  epoch: () => number;
  /** What has failed as a whole, or could not be taken away. */
  error: () => ErrorRecord | undefined;
  /** What is wrong with a cluster that is degraded. */
  trouble: () => ErrorRecord | undefined;
  /** An agent could not take everything away. */
  incomplete: () => boolean;
  /** @param now milliseconds on a clock that never goes back. */
  decide: (input: Input, now: number) => Effect[];
};

export function createDecisions(context: DecisionOptions): Decisions {
  const { options, scheduler, spec, packArchitecture } = context;
  const { settings } = options;
  const roster = createRoster(options.allocation.nodes);
  const [lead] = roster.values();
  if (lead === undefined) {
    throw new UnetError('UNET_NO_ALLOCATION', 'the allocation has no nodes');
  }
  let effects: Effect[] = [];
  let now = 0;
  let phase: ClusterPhase = 'starting';
  let { epoch } = context;
  let error: ErrorRecord | undefined;
  let trouble: ErrorRecord | undefined;
  let incomplete = false;
  let cancelDeadline = () => {};
  const waits = new Map<number, () => void>();
  let lastWait = 0;

  const enter = (effect: Extract<Effect, { do: 'enter' }>): boolean => {
    if (!mayFollow(phase, effect.phase)) {
      return false;
    }
    phase = effect.phase;
    trouble = effect.error;
    effects.push(effect);
    return true;
  };

  const cluster: Cluster = {
    options,
    scheduler,
    spec,
    roster,
    lead,
    packArchitecture,
    logs: context.logs,
    now: () => now,
    after: (ms, action) => {
      lastWait += 1;
      const id = lastWait;
      waits.set(id, action);
      effects.push({ do: 'wake', id, ms });
      return () => {
        if (waits.delete(id)) {
          effects.push({ do: 'cancel-wake', id });
        }
      };
    },
    phase: () => phase,
    epoch: () => epoch,
    effect: (effect) => {
      if (effect.do === 'enter') {
        enter(effect);
      } else {
        effects.push(effect);
      }
    },
    emit: (event) => effects.push({ do: 'emit', event }),
    send: (message, to) => effects.push({ do: 'send', message, to }),
    setNode: (node, next, message) => {
      if (node.phase !== next) {
        node.phase = next;
        effects.push({ do: 'emit', event: { type: 'node', node: node.name, phase: next, message } });
        effects.push({ do: 'save' });
      }
    },
    giveUp: (node, why, as = 'failed') =>
      giveUp(cluster, { handshake, joining }, node, withClock(why, node, lead), as),
    fail: (why) => {
      if (!mayFollow(phase, 'failed')) {
        return;
      }
      cancelDeadline();
      error = why.toRecord();
      cluster.emit({ type: 'error', error });
      enter({ do: 'enter', phase: 'failed', message: why.message, retained: settings.retain || undefined });
      if (!settings.retain) {
        cluster.stop('the bring-up has failed', { diagnose: true });
      }
    },
    stop: (reason, { restarting, diagnose } = {}) => {
      if (!enter({ do: 'enter', phase: 'stopping', message: reason, restarting })) {
        return;
      }
      cancelDeadline();
      cluster.send({ type: 'stop', reason, diagnose: diagnose === true ? unwell(roster, lead) : undefined });
      effects.push({ do: 'tear-down', reason });
    },
    republish: () => {
      epoch += 1;
      cluster.send({ type: 'publish-again', epoch }, [lead.name]);
    },
    consider: () => consider(),
  };
  const handshake = createHandshake(cluster);
  const joining = createJoining(cluster);
  const readiness = createReadiness(cluster);
  const agentEnds: AgentEnds = createAgentEnds(cluster, context.launcher);
  const receive = createReceiver(cluster, {
    handshake,
    joining,
    readiness,
    onBye: (node, bye) => onBye(node, bye),
  });

  const consider = () => {
    if (isUp(phase)) {
      considerLate();
    }
    if (phase !== 'bringing-up') {
      return;
    }
    const verdict = judge(roster, wantedNodes(cluster), readiness.dnsAnswers());
    if (verdict.is === 'pending' || readiness.apiTrouble() !== undefined) {
      return;
    }
    cancelDeadline();
    cluster.send({ type: 'joins-done' }, [lead.name]);
    cluster.send({ type: 'usable' });
    const names = (nodes: NodeEntry[]) => nodes.map(({ name }) => name);
    effects.push({ do: 'summarize', ready: names(verdict.ready), missing: names(verdict.missing) });
    if (verdict.is === 'degraded') {
      degrade(verdict.error);
    } else {
      enter({ do: 'enter', phase: 'usable' });
    }
  };

  const degrade = (why: UnetError) => {
    cluster.emit({ type: 'error', error: why.toRecord() });
    enter({ do: 'enter', phase: 'degraded', message: why.message, error: why.toRecord() });
  };

  /** After the bring-up: a node that came late, or came back, may make the cluster whole; what is lost makes it less than that. */
  const considerLate = () => {
    if ([...roster.values()].every(isSettled)) {
      cluster.send({ type: 'joins-done' }, [lead.name]);
    }
    const why = readiness.apiTrouble() ?? judgeLater(roster, wantedNodes(cluster));
    if (phase === 'degraded' && why === undefined) {
      enter({ do: 'enter', phase: 'usable' });
    } else if (why !== undefined && (phase === 'usable' || trouble?.message !== why.message)) {
      degrade(why);
    }
  };

  const onBye = (
    node: NodeEntry,
    { clean, problem, reason, bySignal }: Extract<FromAgent, { type: 'bye' }>,
  ) => {
    node.clean = clean;
    node.gone = true;
    if (problem !== undefined) {
      cluster.emit({ type: 'error', error: problem });
      error ??= problem;
      incomplete = true;
    }
    if (isEnding(phase)) {
      cluster.setNode(node, clean ? 'removed' : 'failed', problem?.message);
    } else if (node === lead) {
      const message = `the agent of the lead, ${node.name}, has ended: ${reason}`;
      if (bySignal) {
        // To all of the job, most likely: its end, which is no failure.
        cluster.stop(message);
      } else {
        cluster.fail(new UnetError('UNET_LEAD_LOST', message, { node: node.name, log: context.logs }));
      }
    } else {
      const message = `the agent on ${node.name} was told to end by another process`;
      cluster.giveUp(node, new UnetError('UNET_NODE_LOST', message, { node: node.name }), 'lost');
    }
  };

  const onAgentsEnded = ({ nodes, reason, fate }: Extract<Input, { type: 'agents-ended' }>) => {
    for (const name of nodes) {
      const node = roster.get(name);
      if (node !== undefined && fate === 'allocation') {
        Object.assign(node, { gone: true, clean: true });
        cluster.setNode(node, 'removed');
        cluster.stop('the allocation is ending');
      } else if (node !== undefined) {
        // No other agent can be started there, and none is needed.
        node.clean ||= fate === 'node';
        agentEnds.ended(node, reason);
      }
    }
  };

  const launch = (nodes: readonly string[]) => {
    for (const name of nodes) {
      Object.assign(roster.get(name) ?? {}, { launched: true });
    }
    effects.push({ do: 'launch', nodes });
    cluster.after(settings.stepTimeouts.hello, () => agentEnds.missSilent(nodes));
  };

  const armDeadline = () => {
    cancelDeadline();
    cancelDeadline = cluster.after(settings.timeout, () => {
      if (phase === 'bringing-up') {
        onTimeout(settings.timeout / 1000);
      }
    });
  };

  /** With a control plane that works, the nodes that have not come are given up; otherwise all has failed. */
  const onTimeout = (seconds: number) => {
    const dns = readiness.dnsAnswers();
    const remedy = 'raise --timeout, or look at the logs of what was waited for';
    const log = context.logs;
    const silent = readiness.apiTrouble();
    if (silent !== undefined) {
      cluster.fail(silent);
      return;
    }
    if (lead.phase === 'ready' && dns) {
      for (const node of [...roster.values()].filter((entry) => !isSettled(entry))) {
        const step = [...node.steps].at(-1);
        const message = `${node.name} was not Ready within ${seconds} s; it was at "${step ?? node.phase}"`;
        cluster.giveUp(node, new UnetError('UNET_TIMEOUT', message, { node: node.name, step, log, remedy }));
      }
      return;
    }
    const pending = describePending(roster, dns);
    const message = `the cluster was not usable within ${seconds} s; waited for ${pending}`;
    cluster.fail(new UnetError('UNET_TIMEOUT', message, { log, remedy }));
  };

  const on: { [T in Input['type']]: (input: Extract<Input, { type: T }>) => void } = {
    start: () => {
      if (enter({ do: 'enter', phase: 'bringing-up' })) {
        armDeadline();
      }
    },
    prepared: () => {
      if (phase === 'bringing-up') {
        launch([...roster.keys()]);
      }
    },
    message: ({ message, clock }) => {
      const greeting = message.type === 'hello' ? roster.get(message.node) : undefined;
      if (
        greeting !== undefined &&
        message.type === 'hello' &&
        message.clock !== undefined &&
        clock !== undefined
      ) {
        greeting.clockMs = message.clock - clock;
      }
      receive(message);
    },
    'agents-ended': onAgentsEnded,
    'allocation-ended': () => {
      // No node but this one can be reached; the agents there notice by the end of their input.
      for (const node of roster.values()) {
        if (node.name !== options.allocation.self) {
          Object.assign(node, { gone: true, clean: true });
        }
      }
      cluster.stop('the allocation has ended');
    },
    wake: ({ id }) => {
      const action = waits.get(id);
      waits.delete(id);
      action?.();
    },
    tick: () => {
      cluster.send({ type: 'ping' });
      agentEnds.loseSilent();
    },
    'cleaned-for-retry': ({ nodes }) => {
      if (phase === 'bringing-up') {
        for (const name of nodes) {
          Object.assign(roster.get(name) ?? {}, { gone: false });
        }
        launch(nodes);
      }
    },
    resume: ({ settings: wanted }) => {
      Object.assign(settings, wanted);
      if (phase === 'failed') {
        // Kept by --retain: the way on is from the start, on clean nodes, with another supervisor.
        cluster.stop('starting again', { restarting: true });
        return;
      }
      if (retryMissing(cluster, handshake)) {
        armDeadline();
      } else {
        consider();
      }
    },
    'give-up': ({ node, error: why }) => {
      const entry = roster.get(node);
      if (entry !== undefined) {
        cluster.giveUp(entry, why);
      }
    },
    fail: ({ error: why }) => cluster.fail(why),
    stop: ({ reason }) => cluster.stop(reason),
    gone: ({ reason }) => void enter({ do: 'enter', phase: 'stopped', message: reason }),
  };

  return {
    roster,
    lead,
    phase: () => phase,
    epoch: () => epoch,
    error: () => error,
    trouble: () => trouble,
    incomplete: () => incomplete,
    decide: (input, at) => {
      now = at;
      effects = [];
      (on[input.type] as (input: Input) => void)(input);
      return effects;
    },
  };
}

/** The lead, and some of the nodes that are not Ready: of hundreds the rest would say the same. */
function unwell(roster: Cluster['roster'], lead: NodeEntry): string[] {
  const others = [...roster.values()].filter((node) => node !== lead && node.phase !== 'ready' && !node.gone);
  return [lead, ...others.slice(0, DIAGNOSED_WORKERS)].map(({ name }) => name);
}
