/**
 * What a scheduler is for unet. Each has a folder that implements this whole, and a line in registry.ts; no other part of unet asks
 * which scheduler it has. See docs/architecture.md, "Add a scheduler".
 */
import type { UnetError } from '../errors.ts';
import type { JobState } from '../job/state.ts';
import type { TransportName } from '../join/transports.ts';
import type { Environment } from '../process/environment.ts';
import type { Allocation } from './allocation.ts';
import type { SchedulerHooks } from './hooks.ts';
import type { Launcher } from './launcher.ts';

export type DescribeOptions = {
  env: NodeJS.ProcessEnv;
  /** Of the cluster: one allocation may have several. */
  clusterName: string;
  /** How many nodes are asked for, where the scheduler has no list of its own. */
  nodes?: number | undefined;
  signal?: AbortSignal | undefined;
};

export type Scheduler = {
  /** What a user does to get an allocation of it: "run it in an sbatch script". */
  howToGetOne: string;
  /** The variable that shows an allocation of it; absent: it is used only when it is asked for. */
  variable?: string;
  /** @throws UnetError UNET_NO_ALLOCATION outside of one, UNET_ALLOCATION_UNREADABLE when the scheduler does not answer. */
  describe: (options: DescribeOptions) => Promise<Allocation>;
  /** The allocation with what can be done in it. No call is made. */
  open: (allocation: Allocation, env: NodeJS.ProcessEnv) => SchedulerJob;
  /** Absent: it runs no prologs. */
  hooks?: SchedulerHooks;
};

/** What can be done in one allocation. What is optional is absent where the scheduler cannot do it; the caller does without. */
export type SchedulerJob = {
  launcher: Launcher;
  /** All agents are on one host. */
  onOneHost: boolean;
  /** The nodes are names on this machine only: the same job id may be another user's directory, and a node needs no other to agree. */
  madeUpNodes: boolean;
  /**
   * The command line that runs `argv` on a node from any node of the allocation; undefined: it cannot. Run it with `environment`.
   *
   * @param terminal pass a terminal on to the command.
   */
  command: (node: string, argv: readonly string[], how?: { terminal?: boolean }) => string[] | undefined;
  /** Present where what stays cannot be on this host, but has to be on the lead: commands that start it are run there. */
  onLead?: OnLead;
  /** The environment of the scheduler's own commands. */
  environment: () => Environment;
  /** Ways by which a join record can travel, the preferred one first; each is used if its own conditions hold. */
  joinTransports: readonly TransportName[];
  /** Programs that agents need for the transports above. */
  tools: readonly string[];
  /** Gives a file to all nodes. */
  broadcast?: Broadcast;
  /** Why there is no broadcast that nodes can fetch by name. @param what needs one, as the subject of a sentence. @param wanted by the join record, which an older scheduler may carry. */
  whyNoArchive: (what: string, instead: string, wanted: 'join' | 'files') => UnetError;
  /** Where the job's state is, for nodes that do not see its directory. */
  record?: JobRecord;
  /** Runs `argv` when the job's script ends and `onlyIf` still exists. Absent: the agents are ended by the scheduler's signal. */
  atScriptEnd?: (argv: readonly string[], onlyIf: string) => Promise<void>;
  /** Resolves with a function that says whether the allocation has ended; undefined where that cannot be seen. */
  watchEnd?: () => Promise<(() => boolean) | undefined>;
  /** Removes what the job has put into the scheduler. Repeatable, never throws. Called by the lead's agent at its end. */
  removeTraces?: (clusterName: string) => Promise<void>;
  /** A cluster in an allocation around this one: a sentence about it, and the command that uses it. Never throws. */
  enclosingCluster?: () => Promise<EnclosingCluster | undefined>;
};

export type OnLead = {
  /** This host is none of the allocation's: a login node. */
  outside: boolean;
  /** The command line that runs `argv` there, in the directory `cwd` if it is there; its output comes as it is written. Run it with `environment`. */
  command: (argv: readonly string[], how: { cwd: string; terminal: boolean; input: boolean }) => string[];
  /** @param env of this process: what of it is for the lead. */
  environment: (env: NodeJS.ProcessEnv) => NodeJS.ProcessEnv;
  /** Why the scheduler cannot do it. */
  refusal?: UnetError;
};

export type EnclosingCluster = { sentence: string; use: string };

export type Broadcast = {
  /** As in --pack-via. */
  route: 'sbcast' | 'flux-archive';
  /** Nodes that come later can still fetch it, by its name. Otherwise it reaches the nodes once, at one path. */
  stays: boolean;
  /** On the lead. @param place of the file on each node, for a broadcast that does not stay. */
  send: (
    file: string,
    to: { name: string; place: string },
    options: { timeoutMs: number; signal?: AbortSignal },
  ) => Promise<void>;
  /** On a node, for a broadcast that stays: waits for the file and lays it into `directory`, private and empty. */
  fetch: (
    name: string,
    directory: string,
    options: { timeoutMs?: number; signal: AbortSignal },
  ) => Promise<void>;
};

/** The job's state where every node finds it. No secrets. */
export type JobRecord = {
  /** Keeps it as it is; `onTrouble` hears once of each thing that the scheduler refuses. */
  publish: (
    clusterName: string,
    read: () => JobState,
    onTrouble: (message: string) => void,
  ) => RecordPublisher;
  /** The state that a supervisor has published; undefined: none. */
  find: () => Promise<JobState | undefined>;
};

export type RecordPublisher = {
  /** The state may have changed: publishes it, in order. */
  update: () => void;
  /** Removes it. Repeatable. */
  end: () => Promise<void>;
};
