/** Events and errors as they are read back from another process. */
import * as z from 'zod';
import { ERROR_CODES, type ErrorCode, type ErrorRecord as Record } from '../errors.ts';
import { STEP_NAMES } from '../steps.ts';
import type { UnetEvent as Event } from './types.ts';

export const ErrorRecord = z.object({
  code: z.enum(Object.keys(ERROR_CODES) as [ErrorCode, ...ErrorCode[]]).catch('UNET_INTERNAL'),
  message: z.string(),
  remedy: z.string().optional(),
  node: z.string().optional(),
  step: z.string().optional(),
  log: z.string().optional(),
  tail: z.array(z.string()).optional(),
  exitCode: z.number().optional(),
}) satisfies z.ZodType<Record>;

const Step = z.enum(STEP_NAMES);
const Text = z.string();
const ClusterPhase = z.enum([
  'starting',
  'bringing-up',
  'usable',
  'degraded',
  'failed',
  'stopping',
  'stopped',
]);
const NodePhase = z.enum(['waiting', 'working', 'joined', 'ready', 'failed', 'lost', 'missing', 'removed']);
const StepTiming = z.object({
  step: Step,
  role: z.enum(['lead', 'worker']),
  count: z.number(),
  p50: z.number(),
  p95: z.number(),
  max: z.number(),
  slowest: Text,
});

const stamp = { seq: z.number(), time: Text, at: z.number() };

/** A step's event, the same from the agent to the terminal. The supervisor adds its `stamp`. */
export function stepEvent<Stamp extends z.ZodRawShape>(stamp: Stamp) {
  const step = { type: z.literal('step'), node: Text, step: Step };
  return z.discriminatedUnion('state', [
    z.object({ ...step, state: z.literal('started'), ...stamp }),
    z.object({ ...step, state: z.literal('done'), ms: z.number(), ...stamp }),
    z.object({ ...step, state: z.literal('failed'), ms: z.number(), error: ErrorRecord, ...stamp }),
    z.object({
      ...step,
      state: z.literal('retrying'),
      attempt: z.number(),
      inMs: z.number(),
      message: Text,
      ...stamp,
    }),
  ]);
}

export const UnetEvent = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('cluster'),
    phase: ClusterPhase,
    message: Text.optional(),
    retained: z.boolean().optional(),
    restarting: z.boolean().optional(),
    incomplete: z.boolean().optional(),
    logs: Text.optional(),
    ...stamp,
  }),
  z.object({ type: z.literal('node'), node: Text, phase: NodePhase, message: Text.optional(), ...stamp }),
  stepEvent(stamp),
  z.object({ type: z.literal('pack'), path: Text, bytes: z.number(), total: z.number(), ...stamp }),
  z.object({ type: z.literal('warning'), message: Text, node: Text.optional(), ...stamp }),
  z.object({ type: z.literal('error'), error: ErrorRecord, ...stamp }),
  z.object({
    type: z.literal('plan'),
    lead: Text,
    nodes: z.array(Text),
    release: Text,
    jobId: Text,
    allocation: Text,
    logs: Text,
    ...stamp,
  }),
  z.object({
    type: z.literal('summary'),
    summary: z.object({
      wallMs: z.number(),
      ready: z.array(Text),
      missing: z.array(Text),
      timings: z.array(StepTiming),
    }),
    ...stamp,
  }),
]) satisfies z.ZodType<Event>;
export type UnetEvent = Event;
