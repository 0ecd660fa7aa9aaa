import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Asks again every `everyMs` until the answer is not undefined.
 * @throws after `timeoutMs`, with `what` and what `explain` adds.
 */
export async function waitFor<T>(
  what: string,
  ask: () => T | undefined | Promise<T | undefined>,
  { timeoutMs, everyMs = 50, explain }: { timeoutMs: number; everyMs?: number; explain?: () => string },
): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (performance.now() >= deadline) {
      throw new Error([`${what}: not within ${timeoutMs} ms`, explain?.()].filter(Boolean).join('\n'));
    }
    await sleep(everyMs);
  }
}
