import { describe, expect, it } from 'vitest';
import { chooseLeadAddress } from '../../src/supervisor/lead-address.ts';

const node = (name: string, ...addresses: [string, string][]) => ({
  name,
  addresses: addresses.map(([interfaceName, address]) => ({ name: interfaceName, address })),
});
const BRIDGE: [string, string] = ['virbr0', '192.168.122.1'];

describe('the lead’s address', () => {
  const lead = node('n0', BRIDGE, ['eth0', '10.0.0.1'], ['docker0', '172.17.0.1']);
  const others = [node('n1', BRIDGE, ['eth0', '10.0.0.2']), node('n2', ['eth0', '10.0.0.3'])];

  it('is the proposed one where no other node has it', () => {
    expect(chooseLeadAddress({ ...lead, address: '10.0.0.1' }, others, false)).toBe('10.0.0.1');
  });

  it('is another one where another node has the proposed one too', () => {
    expect(chooseLeadAddress({ ...lead, address: '192.168.122.1' }, others, false)).toBe('10.0.0.1');
  });

  it('that was asked for and is not unique is refused, with nodes and addresses', () => {
    expect(() => chooseLeadAddress({ ...lead, address: '192.168.122.1' }, others, true)).toThrow(
      expect.objectContaining({
        code: 'UNET_ADDRESS_UNKNOWN',
        exitCode: 3,
        message:
          'the address 192.168.122.1 of the lead, n0, is also one of n1: a node there would talk to itself',
        details: expect.objectContaining({
          tail: expect.arrayContaining(['n1: virbr0 (192.168.122.1), eth0 (10.0.0.2)']),
          remedy: expect.stringContaining('--interface: n0 has eth0 (10.0.0.1)'),
        }),
      }),
    );
  });

  it('is refused where every one is a loopback or another node’s', () => {
    const poor = { ...node('n0', BRIDGE), address: '127.0.0.1' };
    expect(() => chooseLeadAddress(poor, [node('n1', BRIDGE)], false)).toThrow(
      expect.objectContaining({ message: expect.stringContaining('is a loopback') }),
    );
  });

  it('of a cluster of one node may be a loopback', () => {
    expect(chooseLeadAddress({ ...node('n0'), address: '127.0.0.1' }, [], false)).toBe('127.0.0.1');
  });
});
