import { setTimeout as sleep } from 'node:timers/promises';

/** Deadlines of tests are multiplied by this: for a machine under load. */
export const TIME_SCALE = Number(process.env.UNET_TEST_TIME_SCALE ?? 1);

/**
 * Asks again every `everyMs` until the answer is not undefined.
 * @throws after `timeoutMs` times UNET_TEST_TIME_SCALE, with `what` and what `explain` adds.
 */
export async function waitFor<T>(
  what: string,
  ask: () => T | undefined | Promise<T | undefined>,
  { timeoutMs, everyMs = 50, explain }: { timeoutMs: number; everyMs?: number; explain?: () => string },
): Promise<T> {
  const deadline = performance.now() + timeoutMs * TIME_SCALE;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (performance.now() >= deadline) {
      throw new Error(
        [`${what}: not within ${timeoutMs * TIME_SCALE} ms`, explain?.()].filter(Boolean).join('\n'),
      );
    }
    await sleep(everyMs);
  }
}
