/** Whether the allocation lasts as long as the bring-up may take, and its teardown. */
import type { Allocation } from '../allocation/allocation.ts';
import { durationText } from '../config/duration.ts';
import type { Settings } from '../config/schema.ts';

/** What to say when it does not; undefined when it does, or has no end. */
export function shortOfTime(
  { endsAt }: Allocation,
  { timeout, stepTimeouts }: Settings,
  now = Date.now(),
): string | undefined {
  const leftMs = endsAt === undefined ? Number.POSITIVE_INFINITY : endsAt - now;
  if (leftMs >= timeout + stepTimeouts.down) {
    return undefined;
  }
  const left = durationText(Math.max(0, Math.round(leftMs / 1000)) * 1000);
  return `the allocation ends in ${left}, and the bring-up may take ${durationText(timeout)} and its teardown ${durationText(stepTimeouts.down)}: ask for more time, or lower --timeout`;
}
