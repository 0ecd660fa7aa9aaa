import { format, inspect } from 'node:util';
import { expect, test } from 'vitest';
import { Secret } from '../../src/join/secret.ts';
import { goodRecord, TOKEN } from './records.ts';

test('a secret does not show itself in text, JSON, console output or an error', () => {
  const secret = new Secret(TOKEN);
  const shown = [
    `${secret}`,
    String([secret]),
    JSON.stringify({ secret }),
    inspect({ deep: { secret } }, { showHidden: true, depth: 9 }),
    format('%s %o %O %j', secret, secret, secret, secret),
    JSON.stringify({ ...secret }),
    inspect(structuredClone({ secret: { ...secret } })),
    inspect(new Error('failed', { cause: goodRecord() })),
  ].join('\n');
  expect(shown).toContain('[secret]');
  expect(shown).not.toContain('xb2dq6');
});

test('a secret gives itself away when asked to', () => {
  expect(new Secret(TOKEN).reveal()).toBe(TOKEN);
  expect(new Secret(TOKEN).equals(new Secret(TOKEN))).toBe(true);
  expect(new Secret(TOKEN).equals(new Secret('other'))).toBe(false);
});
