/**
 * What the supervisor says while it works: one stream drives the terminal, the plain log, `--json` and the
 * table of timings.
 */
import type { ErrorRecord } from '../errors.ts';
import type { StepName } from '../steps.ts';

/** The cluster's own state. `degraded`: usable, but fewer nodes than wanted. */
export type ClusterPhase =
  | 'starting'
  | 'bringing-up'
  | 'usable'
  | 'degraded'
  | 'failed'
  | 'stopping'
  | 'stopped';

/**
 * `waiting`: launched, nothing heard yet. `working`: in its steps. `joined`: kubeadm is done. `ready`: Ready in
 * Kubernetes. `failed`: a step failed for good. `lost`: was there, is gone. `missing`: never said hello.
 * `removed`: torn down.
 */
export type NodePhase =
  | 'waiting'
  | 'working'
  | 'joined'
  | 'ready'
  | 'failed'
  | 'lost'
  | 'missing'
  | 'removed';

export type EventBody =
  /** `retained`: it has failed, and everything is kept for inspection until `down`. */
  | {
      type: 'cluster';
      phase: ClusterPhase;
      message?: string | undefined;
      retained?: boolean | undefined;
      /** `stopping`, so that who asked can start again from clean nodes. */
      restarting?: boolean | undefined;
      /** `stopped`, but something could not be taken away. */
      incomplete?: boolean | undefined;
      /** `stopped`: where the logs of what failed are kept. */
      logs?: string | undefined;
    }
  | { type: 'node'; node: string; phase: NodePhase; message?: string | undefined }
  | { type: 'step'; node: string; step: StepName; state: 'started' }
  | { type: 'step'; node: string; step: StepName; state: 'done'; ms: number }
  | { type: 'step'; node: string; step: StepName; state: 'failed'; ms: number; error: ErrorRecord }
  | {
      type: 'step';
      node: string;
      step: StepName;
      state: 'retrying';
      /** The one that failed, from 1. */
      attempt: number;
      inMs: number;
      message: string;
    }
  /** Bytes of the pack that have been verified, before any node is touched. */
  | { type: 'pack'; path: string; bytes: number; total: number }
  | { type: 'warning'; message: string; node?: string | undefined }
  | { type: 'error'; error: ErrorRecord }
  | {
      type: 'plan';
      lead: string;
      nodes: string[];
      release: string;
      jobId: string;
      allocation: string;
      logs: string;
    }
  | { type: 'summary'; summary: Summary };

/** `at`: milliseconds since the supervisor started this bring-up; `time`: ISO 8601. */
export type UnetEvent = EventBody & { seq: number; time: string; at: number };

export type StepTiming = {
  step: StepName;
  role: 'lead' | 'worker';
  /** How many nodes it was measured on. */
  count: number;
  /** Milliseconds. */
  p50: number;
  p95: number;
  max: number;
  /** The node that took longest. */
  slowest: string;
};

export type Summary = {
  /** Milliseconds from the start of the supervisor's work to usable. */
  wallMs: number;
  ready: string[];
  missing: string[];
  timings: StepTiming[];
};
