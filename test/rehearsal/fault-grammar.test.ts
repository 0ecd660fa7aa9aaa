import { expect, test } from 'vitest';
import { FaultSyntaxError, faultOf, parseFaults } from '../../src/rehearsal/faults/grammar.ts';

test('nothing is asked by an empty text', () => {
  expect(parseFaults('')).toEqual([]);
  expect(faultOf([], 'join', 'u7s-n1')).toEqual({ step: 'join' });
});

test('several entries, keys and units are read', () => {
  expect(parseFaults('join@n3:fail=2:delay=1.5s, init:delay=250ms,dns:hang,join:timeout=5m')).toEqual([
    { step: 'join', node: 'n3', fail: 2, delayMs: 1500 },
    { step: 'init', delayMs: 250 },
    { step: 'dns', hang: true },
    { step: 'join', timeoutMs: 300_000 },
  ]);
  expect(parseFaults('init:take=13s,sync:each=0.5s')).toEqual([
    { step: 'init', takeMs: 13_000 },
    { step: 'sync', eachMs: 500 },
  ]);
});

test('a mode without a count fails always', () => {
  expect(parseFaults('join:mode=ca')).toEqual([{ step: 'join', mode: 'ca', fail: Number.POSITIVE_INFINITY }]);
});

test('an entry that names the node, with or without its prefix, wins over one that does not', () => {
  const faults = parseFaults('join@n1:fail=2,join:fail=always:delay=1s');
  expect(faultOf(faults, 'join', 'u7s-n1')).toMatchObject({ fail: 2, delayMs: 1000 });
  expect(faultOf(faults, 'join', 'u7s-n2')).toMatchObject({ fail: Number.POSITIVE_INFINITY });
  expect(faultOf(parseFaults('join@u7s-n1:fail=2'), 'join', 'n1')).toMatchObject({ fail: 2 });
});

test.each([
  ['jion:fail=1', 'unknown step "jion"'],
  ['join', 'nothing is asked'],
  ['join@:fail=1', 'STEP@NODE'],
  ['join:fail=often', 'fail= wants'],
  ['join:delay=3', 'wants a duration'],
  ['join:mode=half', 'mode= of join is one of'],
  ['up:timeout=3s', 'unknown key "timeout=3s"'],
  ['ready:take=3s', 'unknown key "take=3s"'],
  ['join:each=3s', 'unknown key "each=3s"'],
])('"%s" is refused: %s', (text, reason) => {
  expect(() => parseFaults(text)).toThrow(FaultSyntaxError);
  expect(() => parseFaults(text)).toThrow(reason);
});
