import { networkInterfaces } from 'node:os';
import { describe, expect, it } from 'vitest';
import { addressOfInterface, leadAddress, sourceAddress } from '../../src/launch/address.ts';

const own = Object.values(networkInterfaces()).flatMap((addresses) =>
  (addresses ?? []).map(({ address }) => address),
);

describe('the address of an interface', () => {
  it('is found by name, by address and by network', () => {
    expect(addressOfInterface('lo')).toBe('127.0.0.1');
    expect(addressOfInterface('127.0.0.1')).toBe('127.0.0.1');
    expect(addressOfInterface('127.0.0.0/8')).toBe('127.0.0.1');
  });

  it.each(['hsn99', '203.0.113.0/24', '127.0.0.0/33', '127.0.0.0/', '::1/128', ''])(
    'that is not there, "%s", is refused with what there is',
    (wanted) => {
      expect(() => addressOfInterface(wanted)).toThrow(
        expect.objectContaining({
          code: 'UNET_ADDRESS_UNKNOWN',
          details: expect.objectContaining({ remedy: expect.stringContaining('lo (127.0.0.1)') }),
        }),
      );
    },
  );
});

describe('the address by the route', () => {
  it('to this host is the loopback', async () => {
    expect(await sourceAddress('127.0.0.1')).toBe('127.0.0.1');
  });

  it('is undefined without a route', async () => {
    // A datagram socket may not connect to the broadcast address without asking for it (socket(7), SO_BROADCAST).
    expect(await sourceAddress('255.255.255.255')).toBeUndefined();
    expect(await sourceAddress('no-such-host.invalid')).toBeUndefined();
  });

  it("of the lead is one of its own, also when its peers' names mean nothing", async () => {
    expect(own).toContain(await leadAddress(['no-such-host.invalid']));
    expect(own).toContain(await leadAddress([]));
  });
});
