/** Settings: limits of a bring-up. */
import * as z from 'zod';
import { STEP_TIMEOUTS_MS, type TimedStep } from '../steps.ts';
import { count, Duration, Flag } from './fields.ts';

/** Deadlines of single waits, in milliseconds. */
export const StepTimeouts = z.object(
  Object.fromEntries(
    Object.entries(STEP_TIMEOUTS_MS).map(([step, ms]) => [step, Duration.default(ms)]),
  ) as Record<TimedStep, z.ZodDefault<typeof Duration>>,
);
export type StepTimeouts = z.infer<typeof StepTimeouts>;

export const bringUpSettings = {
  minNodes: count().optional().describe('how many Ready nodes are enough (default: all)'),
  timeout: Duration.default(900_000).describe('deadline of the whole bring-up'),
  stepTimeouts: StepTimeouts.prefault({}).describe('deadlines of single steps'),
  heartbeat: Duration.default(5_000).describe('interval of the heartbeat between supervisor and agents'),
  silence: Duration.default(30_000).describe('after how much silence the other side counts as lost'),
  joinWindow: count(256).default(32).describe('how many nodes may join at the same time'),
  joinAttempts: count(100).default(5).describe('how often a node tries to join'),
  retain: Flag.default(false).describe('keep everything after a failure, for inspection'),
};
