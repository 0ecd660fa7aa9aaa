import { expect, it } from 'vitest';
import { coalescing } from '../../src/process/coalescing.ts';

/** An action whose runs are ended by the test. */
function held() {
  const ends: (() => void)[] = [];
  const writing = coalescing(() => new Promise<void>((resolve) => void ends.push(resolve)));
  return { writing, runs: () => ends.length, end: () => ends.at(-1)?.() };
}

it('one run at a time, and one more for all that was asked for meanwhile', async () => {
  const { writing, runs, end } = held();
  const first = writing.run();
  await Promise.resolve();
  expect(runs()).toBe(1);
  const later = [writing.run(), writing.run(), writing.run()];
  end();
  await first;
  await Promise.resolve();
  expect(runs()).toBe(2);
  end();
  await Promise.all(later);
  expect(runs()).toBe(2);
});

it('is idle when nothing runs and nothing waits', async () => {
  const { writing, runs, end } = held();
  await writing.idle();
  void writing.run();
  await Promise.resolve();
  let idle = false;
  const wait = writing.idle().then(() => {
    idle = true;
  });
  await Promise.resolve();
  expect([runs(), idle]).toEqual([1, false]);
  end();
  await wait;
  expect(idle).toBe(true);
});
