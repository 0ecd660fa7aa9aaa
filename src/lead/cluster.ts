/** What the supervisor's rooms share: the job, its nodes, and what all of them may do to it. */
import type { UnetError } from '../errors.ts';
import type { ClusterPhase, EventBody, NodePhase } from '../events/types.ts';
import type { JobSpec, ToAgents } from '../node/to-agents.ts';
import type { SupervisorRequest } from './request.ts';
import type { NodeEntry } from './roster.ts';
import type { Timers } from './timers.ts';

export type SupervisorOptions = SupervisorRequest & {
  env: NodeJS.ProcessEnv;
  /** A line for the supervisor's log. */
  note: (line: string) => void;
};

export type Cluster = {
  options: SupervisorOptions;
  spec: JobSpec;
  roster: Map<string, NodeEntry>;
  lead: NodeEntry;
  /** What the pack is for, if there is one. */
  packArchitecture?: string | undefined;
  timers: Timers;
  phase: () => ClusterPhase;
  emit: (event: EventBody) => void;
  /** To every agent, or to those on the nodes `to`, who alone are meant: what others would only read and forget. */
  send: (message: ToAgents, to?: readonly string[]) => void;
  setNode: (node: NodeEntry, phase: NodePhase, message?: string) => void;
  /** This node is given up; the others go on, unless it is the lead. */
  giveUp: (node: NodeEntry, error: UnetError, phase?: 'failed' | 'lost' | 'missing') => void;
  /** The bring-up as a whole has failed. */
  fail: (error: UnetError) => void;
  /** The lead makes a new join record, for nodes that join later. */
  republish: () => void;
  /** Something has changed that the state file should say. */
  save: () => void;
  /** Something has changed that may decide the bring-up. */
  consider: () => void;
};

/** How many Ready nodes are enough. */
export function wantedNodes({ options, roster }: Cluster): number {
  return options.settings.minNodes ?? roster.size;
}
