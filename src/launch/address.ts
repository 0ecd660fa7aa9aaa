/** Which address of this host the other nodes use. It never needs a default route: compute nodes often have none. */
import { createSocket } from 'node:dgram';
import { lookup } from 'node:dns/promises';
import { BlockList, isIPv4 } from 'node:net';
import { hostname, networkInterfaces } from 'node:os';
import { UnetError } from '../errors.ts';

export type HostAddress = {
  /** Of the interface. */
  name: string;
  address: string;
};

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
    const known = networkInterfaces()[wanted];
    const what =
      known === undefined
        ? `no interface here matches "${wanted}"`
        : `the interface ${wanted} has no IPv4 address here, which Usernetes needs (it has ${known.map(({ address }) => address).join(', ')})`;
    throw new UnetError('UNET_ADDRESS_UNKNOWN', what, { fatal: true, remedy: `there are ${describe(all)}` });
  }
  return found.address;
}

/**
 * The lead's own, for its peers: what its name resolves to, if that is not a loopback; else the route to a peer; else any. Without
 * peers a loopback will do.
 *
 * @throws UnetError UNET_ADDRESS_UNKNOWN when there are peers and no address but a loopback's.
 */
export async function leadAddress(peers: readonly string[]): Promise<string> {
  const own = reachableAddresses().map(({ address }) => address);
  const named = await resolve(hostname());
  if (named !== undefined && own.includes(named)) {
    return named;
  }
  for (const peer of peers) {
    const address = await resolve(peer);
    const source = address === undefined ? undefined : await sourceAddress(address);
    if (source !== undefined && own.includes(source)) {
      return source;
    }
  }
  const [any] = own;
  if (any === undefined && peers.length > 0) {
    const others = Object.entries(networkInterfaces()).flatMap(([name, addresses]) =>
      (addresses ?? []).filter(({ internal }) => !internal).map(({ address }) => `${name} (${address})`),
    );
    const has = others.length === 0 ? 'no interface but the loopback' : others.join(', ');
    throw new UnetError(
      'UNET_ADDRESS_UNKNOWN',
      'this host has no IPv4 address that other nodes could reach',
      {
        fatal: true,
        remedy: `Usernetes needs IPv4 between its nodes; this host has ${has}`,
      },
    );
  }
  return any ?? '127.0.0.1';
}

/** The address from which a worker talks to the lead: the interface asked for, else the source of the route to it. */
export async function workerAddress(wanted: string | undefined, lead: string): Promise<string> {
  if (wanted !== undefined) {
    return addressOfInterface(wanted);
  }
  const address = await sourceAddress(lead);
  if (address === undefined) {
    throw new UnetError('UNET_ADDRESS_UNKNOWN', `there is no route to the lead's address ${lead}`, {
      fatal: true,
      remedy: 'name the interface between the nodes with --interface',
    });
  }
  return address;
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
export function ownAddresses(): HostAddress[] {
  return Object.entries(networkInterfaces()).flatMap(([name, addresses]) =>
    (addresses ?? []).filter(({ family }) => family === 'IPv4').map(({ address }) => ({ name, address })),
  );
}

/** Those that other hosts could reach. */
export function reachableAddresses(): HostAddress[] {
  return ownAddresses().filter(({ address }) => !isLoopback(address));
}

export function isLoopback(address: string): boolean {
  return address.startsWith('127.');
}

/** "eth0 (10.0.0.1), lo (127.0.0.1)" */
export function describe(addresses: readonly HostAddress[]): string {
  return addresses.map(({ name, address }) => `${name} (${address})`).join(', ');
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
