import { expect, test } from 'vitest';
import { chooseTransport as choose, type JOIN_VIA } from '../../src/join/transports.ts';
import { openAllocation } from '../../src/scheduler/registry.ts';

/** In a Flux instance of that version or with that way to give files; else in a job of Slurm. */
function chooseTransport(
  joinVia: (typeof JOIN_VIA)[number],
  everyNodeSees: boolean,
  files?: 'archive' | 'filemap',
  version?: string,
) {
  const isFlux = files !== undefined || version !== undefined;
  const allocation = isFlux
    ? { kind: 'flux', jobId: 'flux-1', nodes: ['n0'], details: { uri: 'local:///x', files, version } }
    : { kind: 'slurm', jobId: 'slurm-1', schedulerJobId: '1', nodes: ['n0'] };
  return choose(joinVia, everyNodeSees, openAllocation(allocation, {}));
}

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
