/** Showing each error once in full, and not three hundred times when three hundred nodes have the same one. */
import type { ErrorRecord } from '../errors.ts';
import { redact } from '../process/redact.ts';
import { errorLines } from './error-text.ts';

const FULL_BLOCKS = 3;

/**
 * A function that gives the lines for an error: the whole block for the first three nodes with the same code and
 * step, one line with the log's path for the others, one line for an error that was shown already.
 */
export function createErrorBlocks(): (error: ErrorRecord) => string[] {
  const shown = new Set<string>();
  const counts = new Map<string, number>();
  return (error) => {
    const { code, node, step, message, log } = error;
    const kind = JSON.stringify([code, step]);
    const identity = JSON.stringify([code, node, step, message]);
    const place = `${node === undefined ? '' : ` on ${node}`}${step === undefined ? '' : ` in step ${step}`}`;
    const brief = redact(`${code}${place}: ${message.split('\n', 1)[0] ?? ''}`);
    if (shown.has(identity)) {
      return [`${brief} (as above)`];
    }
    shown.add(identity);
    const count = (counts.get(kind) ?? 0) + 1;
    counts.set(kind, count);
    return count <= FULL_BLOCKS ? errorLines(error) : [`${brief}${log === undefined ? '' : `; log: ${log}`}`];
  };
}
