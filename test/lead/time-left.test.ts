import { expect, it } from 'vitest';
import { Settings } from '../../src/config/schema.ts';
import { shortOfTime } from '../../src/lead/time-left.ts';

const settings = Settings.parse({ timeout: '10m', stepTimeouts: { down: '1m' } });
const allocation = { kind: 'flux', jobId: 'flux-1', nodes: ['n0'] } as const;

it('an allocation that ends before bring-up and teardown may be over is warned of', () => {
  expect(shortOfTime({ ...allocation, endsAt: 1_000_000 + 599_000 }, settings, 1_000_000)).toMatch(
    /ends in 599s, and the bring-up may take 10m and its teardown 1m/,
  );
});

it('one that lasts, or has no end, is not', () => {
  expect(shortOfTime({ ...allocation, endsAt: 1_000_000 + 660_000 }, settings, 1_000_000)).toBeUndefined();
  expect(shortOfTime(allocation, settings)).toBeUndefined();
});
