/** Clocks that differ are said: certificates and tokens are valid by the clock of each node, not by one for all. */
import { UnetError } from '../errors.ts';
import { formatDuration } from '../events/format.ts';
import type { NodeEntry } from './roster.ts';

// What a hello takes on its way is counted in: seconds, on a busy machine.
const NOTABLE_MS = 30_000;

// Failures that a clock may be the cause of.
const BY_CLOCK = /^UNET_(JOIN_|READY_TIMEOUT|STEP_TIMEOUT)/;
const REMEDY = 'have the nodes take their time from one source (chronyc tracking shows the offset there)';

type Clocked = Pick<NodeEntry, 'name' | 'clockMs'>;

/** "the clock of n1 is 2.0 h ahead of that of n0"; undefined when they agree, or one is not known. */
export function clockDifference(node: Clocked, lead: Clocked): string | undefined {
  const difference = (node.clockMs ?? Number.NaN) - (lead.clockMs ?? Number.NaN);
  if (!(Math.abs(difference) >= NOTABLE_MS)) {
    return undefined;
  }
  const which = difference > 0 ? 'ahead of' : 'behind';
  return `the clock of ${node.name} is ${formatDuration(Math.abs(difference))} ${which} that of ${lead.name}`;
}

/** The warning, as it is said when the nodes have greeted. */
export function clockWarning(node: Clocked, lead: Clocked): string | undefined {
  const difference = clockDifference(node, lead);
  return difference && `${difference}: certificates and tokens may not be valid there; ${REMEDY}`;
}

/** `error` with the clock named, where that may be its cause. */
export function withClock(error: UnetError, node: Clocked, lead: Clocked): UnetError {
  const difference = BY_CLOCK.test(error.code) ? clockDifference(node, lead) : undefined;
  return difference === undefined
    ? error
    : new UnetError(error.code, `${error.message}; ${difference}`, { ...error.details, remedy: REMEDY });
}
