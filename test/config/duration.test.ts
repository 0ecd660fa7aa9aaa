import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { durationText, MAX_DURATION_MS, parseDuration } from '../../src/setting/duration.ts';

describe('a duration', () => {
  it.each([
    ['90s', 90_000],
    ['10m', 600_000],
    ['1.5h', 5_400_000],
    ['250ms', 250],
    ['90', 90_000],
    [90, 90_000],
    [' 2 h ', 7_200_000],
  ])('is read from %j', (text, ms) => {
    expect(parseDuration(text)).toBe(ms);
  });

  it.each(['', 'soon', '-5s', '0', '0s', '1h30m', '5 parsecs', '30d', 'Infinity', '1e3'])(
    'is not %j',
    (text) => {
      expect(parseDuration(text)).toBeUndefined();
    },
  );

  it('is shown in a form that is read back as the same', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: MAX_DURATION_MS }), (ms) => {
        expect(parseDuration(durationText(ms))).toBe(ms);
      }),
    );
  });

  it('is shown as people write it', () => {
    expect([600_000, 90_000, 7_200_000, 1500].map(durationText)).toEqual(['10m', '90s', '2h', '1500ms']);
  });
});
