/** Whether the allocation lasts as long as the bring-up may take, and its teardown. */

import type { Settings } from '../config/schema.ts';
import type { Allocation } from '../scheduler/allocation.ts';
import { durationText } from '../setting/duration.ts';

// A bring-up with a built image took 35 s for two hosts (recorded with podman), five times that where much is slow. A
// lower --timeout says that it will be over by then.
const BRING_UP_MS = 180_000;

/** What to say when it does not; undefined when it does, or has no end. */
export function shortOfTime(
  { endsAt }: Allocation,
  { timeout, stepTimeouts }: Settings,
  now = Date.now(),
): string | undefined {
  const leftMs = endsAt === undefined ? Number.POSITIVE_INFINITY : endsAt - now;
  const bringUpMs = Math.min(timeout, BRING_UP_MS);
  if (leftMs >= bringUpMs + stepTimeouts.down) {
    return undefined;
  }
  const left = durationText(Math.max(0, Math.round(leftMs / 1000)) * 1000);
  return `the allocation ends in ${left}; a bring-up may take ${durationText(bringUpMs)} and a teardown ${durationText(stepTimeouts.down)}: ask for more time`;
}
