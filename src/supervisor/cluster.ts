/** What the deciding rooms of the supervisor share: the job, its nodes, and what they can want done. */
import type { UnetError } from '../errors.ts';
import type { ClusterPhase, EventBody, NodePhase } from '../events/types.ts';
import type { SupervisorRequest } from '../protocol/supervisor-request.ts';
import type { JobSpec, ToAgents } from '../protocol/to-agents.ts';
import type { SchedulerJob } from '../scheduler/scheduler.ts';
import type { Effect } from './effects.ts';
import type { NodeEntry } from './roster.ts';

export type SupervisorOptions = SupervisorRequest & {
  env: NodeJS.ProcessEnv;
  /** A line for the supervisor's log. */
  note: (line: string) => void;
};

/** Ends a wait. Repeatable. */
export type Cancel = () => void;

export type Cluster = {
  options: Pick<SupervisorOptions, 'settings' | 'allocation' | 'unet'>;
  /** What can be done in the allocation. */
  scheduler: Pick<SchedulerJob, 'joinTransports' | 'whyNoArchive' | 'madeUpNodes'>;
  spec: JobSpec;
  roster: Map<string, NodeEntry>;
  lead: NodeEntry;
  /** What the pack is for, if there is one. */
  packArchitecture: () => string | undefined;
  /** Path of the job's logs, for errors. */
  logs: string;
  /** Milliseconds on a clock that never goes back. */
  now: () => number;
  after: (ms: number, action: () => void) => Cancel;
  phase: () => ClusterPhase;
  effect: (effect: Effect) => void;
  emit: (event: EventBody) => void;
  /** To every agent, or to those on the nodes `to`; the others would read it and forget it. */
  send: (message: ToAgents, to?: readonly string[]) => void;
  setNode: (node: NodeEntry, phase: NodePhase, message?: string) => void;
  /** This node is given up; the others go on, unless it is the lead. */
  giveUp: (node: NodeEntry, error: UnetError, phase?: 'failed' | 'lost' | 'missing') => void;
  /** The bring-up as a whole has failed. */
  fail: (error: UnetError) => void;
  /** @param how `diagnose`: what explains a failure is brought away first. */
  stop: (reason: string, how?: { restarting?: boolean; diagnose?: boolean }) => void;
  /** Of the join record that is valid now. */
  epoch: () => number;
  /** The lead makes a new join record, for nodes that join later. */
  republish: () => void;
  /** Something has changed that may decide the bring-up. */
  consider: () => void;
};

/** How many Ready nodes are enough. */
export function wantedNodes({ options, roster }: Pick<Cluster, 'options' | 'roster'>): number {
  return options.settings.minNodes ?? roster.size;
}
