/** What a command asks of the supervisor on its socket, and what comes back: JSON lines. */
import * as z from 'zod';
import { UnetEvent } from '../events/schema.ts';

export const ControlRequest = z.discriminatedUnion('type', [
  /** All events of the current bring-up so far, then each as it happens. */
  z.object({ type: z.literal('follow') }),
  /** Whatever failed or is missing is tried again; nothing when all is up. Then as `follow`. */
  z.object({
    type: z.literal('resume'),
    /** What the later command wants otherwise. */
    settings: z.object({
      minNodes: z.number().optional(),
      timeout: z.number().optional(),
      retain: z.boolean().optional(),
    }),
  }),
  /** Tear down; events until all is gone. */
  z.object({ type: z.literal('down'), reason: z.string() }),
]);
export type ControlRequest = z.infer<typeof ControlRequest>;
export type ResumeSettings = Extract<ControlRequest, { type: 'resume' }>['settings'];

/** A supervisor that has nothing to say says so this often, in milliseconds. */
export const ALIVE_MS = 2000;

/** Events until the request is answered, or a refusal; between them signs of life. */
export const ControlReply = z.union([
  UnetEvent,
  z.object({ type: z.literal('alive') }),
  z.object({ type: z.literal('refused'), message: z.string() }),
]);
export type ControlReply = z.infer<typeof ControlReply>;
