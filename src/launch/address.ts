/** Which address of this host the other nodes use. It never needs a default route: compute nodes often have none. */
import { createSocket } from 'node:dgram';
import { lookup } from 'node:dns/promises';
import { BlockList, isIPv4 } from 'node:net';
import { hostname, networkInterfaces } from 'node:os';
import { UnetError } from '../errors.ts';

/**
 * The IPv4 address of the interface asked for: a name (`hsn0`), a network (`10.1.0.0/16`) or an address.
 *
 * @throws UnetError UNET_ADDRESS_UNKNOWN naming what there is.
 */
export function addressOfInterface(wanted: string): string {
  const all = ownAddresses();
  const found = all.find(
    ({ name, address }) => name === wanted || address === wanted || inNetwork(address, wanted),
  );
  if (found === undefined) {
    throw new UnetError('UNET_ADDRESS_UNKNOWN', `no interface here matches "${wanted}"`, {
      fatal: true,
      remedy: `there are ${all.map(({ name, address }) => `${name} (${address})`).join(', ')}`,
    });
  }
  return found.address;
}

/** The lead's own: what its name resolves to, if that is not a loopback; else the route to a peer; else any. */
export async function leadAddress(peers: readonly string[]): Promise<string> {
  const own = ownAddresses().map(({ address }) => address);
  const named = await resolve(hostname());
  if (named !== undefined && own.includes(named) && !named.startsWith('127.')) {
    return named;
  }
  for (const peer of peers) {
    const address = await resolve(peer);
    const source = address === undefined ? undefined : await sourceAddress(address);
    if (source !== undefined && !source.startsWith('127.')) {
      return source;
    }
  }
  return own.find((address) => !address.startsWith('127.')) ?? '127.0.0.1';
}

/**
 * The address from which the kernel would talk to `destination`. Connecting a datagram socket sends nothing.
 * Undefined when there is no route.
 */
export function sourceAddress(destination: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = createSocket('udp4');
    const finish = (address: string | undefined) => {
      socket.close();
      resolve(address);
    };
    socket.once('error', () => finish(undefined));
    // Port 9 is "discard"; any would do. An error comes to the callback, not as an event, where there is one.
    const onConnect = (error?: Error) => finish(error === undefined ? socket.address().address : undefined);
    socket.connect(9, destination, onConnect);
  });
}

async function resolve(name: string): Promise<string | undefined> {
  try {
    return (await lookup(name, { family: 4 })).address;
  } catch {
    return undefined;
  }
}

/** Each IPv4 address of this host, loopback too, with its interface. */
export function ownAddresses(): { name: string; address: string }[] {
  return Object.entries(networkInterfaces()).flatMap(([name, addresses]) =>
    (addresses ?? []).filter(({ family }) => family === 'IPv4').map(({ address }) => ({ name, address })),
  );
}

function inNetwork(address: string, network: string): boolean {
  const [base = '', bits = ''] = network.split('/');
  if (!isIPv4(base) || !/^\d+$/.test(bits) || Number(bits) > 32) {
    return false;
  }
  const list = new BlockList();
  list.addSubnet(base, Number(bits));
  return list.check(address);
}
