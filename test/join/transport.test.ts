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

test('in a Flux instance the record travels by flux archive, and by flux filemap where nothing is shared', () => {
  expect(chooseTransport('auto', true, 'archive')).toBe('flux-archive');
  expect(chooseTransport('auto', false, 'archive')).toBe('flux-archive');
  expect(chooseTransport('auto', true, 'filemap')).toBe('shared-fs');
  expect(chooseTransport('auto', false, 'filemap')).toBe('flux-archive');
  expect(chooseTransport('shared-fs', true, 'archive')).toBe('shared-fs');
  expect(chooseTransport('stdio', true, 'archive')).toBe('stdio');
  expect(() => chooseTransport('flux-archive', true)).toThrow('this is no Flux instance');
  expect(() => chooseTransport('flux-archive', true, undefined, '0.47.0')).toThrow(
    '--join-via flux-archive needs Flux 0.48.0 or later, and this one is 0.47.0',
  );
  expect(chooseTransport('auto', true, undefined, '0.47.0')).toBe('shared-fs');
});
