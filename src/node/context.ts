/** What a node's steps share. Filled from top to bottom as the plan runs; see plan.ts. */
import type { ComposeFile } from '../engine/compose-file.ts';
import type { Engine } from '../engine/engine.ts';
import type { JoinRecord } from '../join/record.ts';
import type { JoinTransport } from '../join/transport.ts';
import type { TransportName } from '../join/transports.ts';
import type { Environment } from '../process/environment.ts';
import type { FromAgent } from '../protocol/from-agent.ts';
import type { Assignment, JobSpec } from '../protocol/to-agents.ts';
import type { ReleaseFeatures } from '../provision/probe.ts';
import type { SchedulerJob } from '../scheduler/scheduler.ts';
import type { StepName } from '../steps.ts';
import type { Inbox } from './inbox.ts';
import type { LoadedPack } from './receive-pack.ts';
import type { NodeRecord } from './record.ts';
import type { StepLog } from './step-log.ts';

type Message = FromAgent extends infer M ? (M extends { node: string } ? Omit<M, 'node'> : never) : never;

export type NodeContext = {
  spec: JobSpec;
  node: string;
  isLead: boolean;
  /** Set when the supervisor has assigned ports and names; see identify.ts. */
  assignment?: Assignment;
  hostIp: string;
  /** Node-local, 0700, removed by the teardown. */
  directory: string;
  /** The agent's own environment. */
  env: NodeJS.ProcessEnv;
  scheduler: SchedulerJob;
  seesJobDir: boolean;
  joinVia: TransportName;
  /** The transport that accepts records of at least `epoch`. */
  transport: (epoch: number) => JoinTransport;
  record: NodeRecord;
  inbox: Inbox;
  /** The epoch that is published (lead) or waited for (worker); raised when nodes join later. */
  epoch: number;
  send: (message: Message) => void;
  openLog: (step: StepName) => StepLog;
  /** Directory of this node's logs. */
  logs: string;
  /** The environment of make: explicit, with the node's variables. */
  environment: () => Environment;
  /** Set by `stage`. */
  engine?: Engine;
  release?: ReleaseFeatures;
  /** Set by `stage`, if the release has one. */
  composeFile?: ComposeFile | undefined;
  /** Set by `stage`: what tells releases apart, for the name of the image that one builds. */
  releaseSha256?: string;
  /** Names and addresses of the cluster's nodes; set with the assignment. */
  peers?: string[];
  /** Set by `up`: the engine with this node's own compose command. */
  nodeEngine?: Engine;
  /** Set by `load`. */
  loaded?: LoadedPack;
  /** Set by `await-join`. */
  joinRecord?: JoinRecord;
  /** How often this agent has asked for its turn to join. */
  turnsAsked: number;
  /** Set by `await-join`: what it has asked for, and the next join takes. */
  turn?: number | undefined;
  /** Set by `publish`, which then calls `onPublished`. */
  published?: JoinRecord;
  onPublished: () => void;
  /** Resolves at the first time. */
  publishedOnce: Promise<void>;
  /** How often the plan has been begun. */
  tries: number;
  /** Of which try there are diagnostics. */
  diagnosed?: number;
  /** Set by `join`: kubeadm join has been run in the container. */
  joinTried?: boolean;
  /** Frees the ports on which the network was proven. */
  endProof: () => Promise<void>;
  /** Called by `boot`: the container runs, and is watched from now on. */
  onBooted: () => void;
  /** Ends the watch of the container, before it is taken down on purpose. */
  endWatch?: (() => void) | undefined;
  /** Called by `kubeconfig` with its text, for the lead's own use of the API. */
  onKubeconfig: (kubeconfig: string) => void;
};

export type Step = {
  name: StepName;
  /** Whether there is something to do; absent: always. */
  applies?: (context: NodeContext) => boolean;
  /**
   * Asked on a later try: whether what the step makes is there, as the node shows it. Absent: the step is run again.
   */
  isDone?: (context: NodeContext, log: StepLog, signal: AbortSignal) => Promise<boolean>;
  /** @throws UnetError with what a person can do about it. */
  run: (context: NodeContext, log: StepLog, signal: AbortSignal) => Promise<void>;
};

/** What a step of the plan has set must be there for the next; otherwise the plan is wrong. */
export function need<T>(value: T | undefined, name: string): T {
  if (value === undefined) {
    throw new TypeError(`the plan needs ${name} before this step`);
  }
  return value;
}
