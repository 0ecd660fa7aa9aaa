import { expect, test } from 'vitest';
import { chooseTransport } from '../../src/join/transport.ts';

test('the shared filesystem is chosen only where every node sees it', () => {
  expect(chooseTransport('auto', true)).toBe('shared-fs');
  expect(chooseTransport('auto', false)).toBe('stdio');
});

test('what was asked for is taken, unless it cannot work', () => {
  expect(chooseTransport('stdio', true)).toBe('stdio');
  expect(chooseTransport('shared-fs', true)).toBe('shared-fs');
  expect(() => chooseTransport('shared-fs', false)).toThrow('not every node sees the job directory');
});
