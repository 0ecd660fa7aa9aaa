/** What a scheduler's prologs and epilogs need. */
import type { MeetingPlace } from '../attach/meeting-point.ts';
import { UnetError } from '../errors.ts';
import type { Allocation } from './allocation.ts';

/** `housekeeping` stands in for an epilog where the scheduler has it. */
export const HOOKS = ['prolog', 'epilog', 'housekeeping'] as const;
export type HookName = (typeof HOOKS)[number];

/** An allocation, and this node in it; `rank` tells the nodes of one host apart. */
export type HookAllocation = Allocation & { self: string; rank?: string | undefined };

/** What a script is made of; see src/hooks/script.ts for what all have in common. */
export type HookBodyOptions = { askSlurmctld: boolean };

export type SchedulerHooks = {
  /** Where the scheduler looks by default. */
  directory: string;
  path: (hook: HookName, directory: string) => string;
  /** Those that it runs. */
  kinds: readonly HookName[];
  /** The scheduler's command that its hooks run, by name. `inScript`: under this variable. */
  program: { name: string; inScript?: string };
  /** The part of the script that is the scheduler's own: POSIX shell. */
  body: (hook: HookName, options: HookBodyOptions) => string;
  /** Lines for the scheduler's configuration file, printed as the result. */
  configuration: (written: readonly { hook: HookName; path: string }[]) => string[];
  /** Said after an installation, in front of the configuration lines. */
  afterInstall: string;
  /** Said after the hooks are removed. */
  afterUninstall?: string;
  /** The variable that names a prolog's job. */
  variable: string;
  /** The id in decimal; undefined: none. */
  decimalId: (id: string) => string | undefined;
  /** The nodes as a prolog sees them. @throws UnetError when this node is none of them. */
  allocation: (env: NodeJS.ProcessEnv, job: HookJob, signal: AbortSignal) => Promise<HookAllocation>;
  /** What the job asks for: its settings by name; undefined: it does not ask. @throws UnetError UNET_USAGE */
  asked: (request: string, env: NodeJS.ProcessEnv) => [string, string][] | undefined;
  /** The job ids by which the job's own commands may find a prolog's cluster before they know their allocation. */
  idsInJob: (env: NodeJS.ProcessEnv) => string[];
  /** A cluster with another name than the default is not a prolog's. */
  defaultNameOnly: boolean;
  /** The job's own commands use the prolog's allocation, and not the one that they are in. */
  keepsAllocation: boolean;
  /** Which of the nodes of one host an epilog is for; undefined: all. */
  rank?: (env: NodeJS.ProcessEnv) => Promise<string | undefined>;
  /** A host is one node; a supervisor on it is this node's. */
  oneNodePerHost: boolean;
  /** Where the agents meet their supervisor; absent: the job directory. */
  meetingPlace?: (allocation: Allocation, env: NodeJS.ProcessEnv) => MeetingPlace;
};

export type HookJob = { id: string; jobId: string };

export function notAmong(self: string, nodes: readonly string[]): UnetError {
  return new UnetError(
    'UNET_NO_ALLOCATION',
    `${self} is not a node of the job, which has ${nodes.join(', ')}`,
  );
}
