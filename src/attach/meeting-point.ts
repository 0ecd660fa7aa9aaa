/** Where agents that started by themselves find their supervisor: what it publishes, and by what. */
import * as z from 'zod';

export const MeetingPoint = z.object({
  version: z.literal(1),
  jobId: z.string(),
  /** The lead's own, any of which may be the one that a node has a route to. */
  addresses: z.array(z.string()).min(1),
  port: z.number().int().positive(),
  /** The pre-shared key, in base64: who has it belongs to the job. */
  key: z.string().min(40),
});
export type MeetingPoint = z.infer<typeof MeetingPoint>;

/** A place that every node of the job can read, and nobody else. */
export type MeetingPlace = {
  /** On the lead. Waits until the place itself is there. */
  publish: (point: MeetingPoint, signal: AbortSignal) => Promise<void>;
  /** What is there now, or comes; whether it is still true shows when it is tried. Rejects with the signal's reason. */
  watch: (signal: AbortSignal) => Promise<MeetingPoint>;
  /** Repeatable. */
  withdraw: () => Promise<void>;
};

/** The meeting point in `text`; undefined when it is none, or another job's. */
export function readMeetingPoint(text: string, jobId: string): MeetingPoint | undefined {
  try {
    const parsed = MeetingPoint.safeParse(JSON.parse(text));
    return parsed.success && parsed.data.jobId === jobId ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}
