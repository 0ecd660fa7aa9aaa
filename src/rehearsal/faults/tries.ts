import { appendFileSync, mkdirSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import path from 'node:path';
import type { Step } from './grammar.ts';

/**
 * Makes the place where the tries of a node's steps are counted. It is beside the node's own state and
 * outlives `down`: with `up:fail=1`, a down between two tries must not make the second one fail too.
 */
export function prepareTries(rehearsalDirectory: string, node: string): void {
  mkdirSync(path.join(rehearsalDirectory, 'tries', node), { recursive: true, mode: 0o700 });
}

/**
 * Counts one more try of a step and returns how many there were before. A file grows by one byte per
 * try, so that a client and a daemon can count side by side. When the directory has vanished, nothing
 * is counted and nothing fails any more: it must not come back.
 */
export async function countTry(rehearsalDirectory: string, node: string, step: Step): Promise<number> {
  const file = path.join(rehearsalDirectory, 'tries', node, step);
  try {
    appendFileSync(file, 'x', { mode: 0o600 });
    return (await stat(file)).size - 1;
  } catch {
    return Number.MAX_SAFE_INTEGER;
  }
}
