import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { hairpinWarning } from '../../src/engine/hairpin.ts';
import { scratch } from '../process/scratch.ts';

const podman = (rootless: boolean) => ({
  type: 'podman',
  facts: { name: 'podman', version: '4.3.1', rootless } as const,
});

function kernel(value: string): string {
  const file = join(scratch(), 'bridge-nf-call-iptables');
  writeFileSync(file, `${value}\n`);
  return file;
}

it('a rootful podman on a host that filters its bridges is warned of, with the way out', async () => {
  expect(await hairpinWarning(podman(false), kernel('1'))).toContain('net.bridge.bridge-nf-call-iptables=0');
});

it.each([
  ['that is rootless', podman(true), '1'],
  ['where bridges are not filtered', podman(false), '0'],
  ['of another kind', { type: 'docker' }, '1'],
])('an engine %s is not', async (_, engine, value) => {
  expect(await hairpinWarning(engine, kernel(value))).toBeUndefined();
});

it('nor is a host without br_netfilter', async () => {
  expect(await hairpinWarning(podman(false), join(scratch(), 'none'))).toBeUndefined();
});
