/** How a join record gets from the lead to the workers. */
import type { UnetError } from '../errors.ts';
import type { SchedulerJob } from '../scheduler/scheduler.ts';
import type { JoinExpectation, JoinRecord } from './record.ts';

export type JoinTransport = {
  readonly name: string;
  /** On the lead: makes the record visible to all workers. A later one replaces it. */
  publish: (record: JoinRecord, signal: AbortSignal) => Promise<void>;
  /**
   * On a worker: resolves with the first record of this bring-up. Stale and broken ones are reported and passed
   * over. Waits until `signal` says stop, and leaves no timer, listener or watcher behind.
   */
  watch: (signal: AbortSignal) => Promise<JoinRecord>;
  /** On the lead: takes the record away. Repeatable; never touches the record of another bring-up. */
  withdraw: () => Promise<void>;
};

/** One way for a record to travel; a file of its own and a line in transports.ts. */
export type Transport = {
  /** It works only where every node sees the job directory. */
  needsJobDirectory: boolean;
  /** It works only where the scheduler offers it, and needs the scheduler's programs on every node. */
  needsScheduler: boolean;
  create: (context: TransportContext) => JoinTransport;
};

export type TransportContext = Pick<SchedulerJob, 'broadcast'> & {
  isLead: boolean;
  jobDir: string;
  /** Of this node alone: 0700. */
  directory: string;
  env: NodeJS.ProcessEnv;
  expect: JoinExpectation;
  onRefused: (error: UnetError) => void;
  /** On the lead: a record in its wire form, to all agents. */
  send: (record: unknown) => void;
  /** On a worker: the next record that came from the lead. */
  receive: () => Promise<unknown>;
};
