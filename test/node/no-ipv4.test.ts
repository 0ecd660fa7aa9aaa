/** A host with IPv6 alone, and one whose name is 127.0.1.1 as Debian's installer writes it. */
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { addressOfInterface, leadAddress } from '../../src/launch/address.ts';

const host = vi.hoisted(() => ({ interfaces: {} as Record<string, object[]>, name: '127.0.1.1' }));
vi.mock('node:os', async (original) => ({
  ...(await original<object>()),
  networkInterfaces: () => host.interfaces,
  hostname: () => 'this-host',
}));
vi.mock('node:dns/promises', () => ({ lookup: async () => ({ address: host.name }) }));

const ipv4 = (address: string) => ({ family: 'IPv4', address, internal: address.startsWith('127.') });
const LO = [ipv4('127.0.0.1')];

beforeEach(() => {
  host.interfaces = { lo: LO, eth0: [{ family: 'IPv6', address: 'fe80::1', internal: false }] };
});

describe('a host without an IPv4 address', () => {
  it('cannot lead others, and says what it has', async () => {
    await expect(leadAddress(['n1'])).rejects.toMatchObject({
      code: 'UNET_ADDRESS_UNKNOWN',
      exitCode: 3,
      details: { remedy: 'Usernetes needs IPv4 between its nodes; this host has eth0 (fe80::1)' },
    });
  });

  it('can be a cluster of one node', async () => {
    expect(await leadAddress([])).toBe('127.0.0.1');
  });

  it('says of an interface that is there that it has none', () => {
    expect(() => addressOfInterface('eth0')).toThrow(
      'the interface eth0 has no IPv4 address here, which Usernetes needs (it has fe80::1)',
    );
    expect(() => addressOfInterface('hsn0')).toThrow('no interface here matches "hsn0"');
  });
});

it('a lead whose name is a loopback’s has the address of an interface', async () => {
  host.interfaces = { lo: LO, eth0: [ipv4('10.0.0.1')] };
  expect(await leadAddress(['n1'])).toBe('10.0.0.1');
});
