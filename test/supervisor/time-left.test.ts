import { expect, it } from 'vitest';
import { Settings } from '../../src/config/schema.ts';
import { shortOfTime } from '../../src/supervisor/time-left.ts';

const settings = Settings.parse({ stepTimeouts: { down: '1m' } });
const allocation = { kind: 'flux', jobId: 'flux-1', nodes: ['n0'] } as const;
const endingIn = (seconds: number) => ({ ...allocation, endsAt: 1_000_000 + seconds * 1000 });

it('an allocation that ends before bring-up and teardown may be over is warned of', () => {
  expect(shortOfTime(endingIn(239), settings, 1_000_000)).toMatch(
    /ends in 239s; a bring-up may take 3m and a teardown 1m/,
  );
});

it('one that lasts, or has no end, is not', () => {
  expect(shortOfTime(endingIn(240), settings, 1_000_000)).toBeUndefined();
  expect(shortOfTime(allocation, settings)).toBeUndefined();
});

it('one for which the bring-up was told to be quick is not', () => {
  expect(shortOfTime(endingIn(100), { ...settings, timeout: 40_000 }, 1_000_000)).toBeUndefined();
});
