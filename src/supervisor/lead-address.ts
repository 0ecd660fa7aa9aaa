/** The lead's address, as the others are to use it: one that none of them has, too. */
import { UnetError } from '../errors.ts';
import { describe, type HostAddress, isLoopback } from '../launch/address.ts';

export type AddressedNode = { name: string; addresses: readonly HostAddress[] };

/**
 * The one that the lead has proposed, unless another node has it as well (docker0 and virbr0 are the same everywhere); then another
 * of its own, on an interface that others have by that name before all else.
 *
 * @param asked `--interface`: then no other one will do.
 * @throws UnetError UNET_ADDRESS_UNKNOWN with the nodes and their addresses.
 */
export function chooseLeadAddress(
  lead: AddressedNode & { address: string },
  others: readonly AddressedNode[],
  asked: boolean,
): string {
  const holders = (address: string) =>
    others
      .filter(({ addresses }) => addresses.some((one) => one.address === address))
      .map(({ name }) => name);
  const isOwn = (address: string) =>
    others.length === 0 || (!isLoopback(address) && holders(address).length === 0);
  if (isOwn(lead.address)) {
    return lead.address;
  }
  const unique = lead.addresses.filter(({ address }) => isOwn(address));
  const names = new Set(others.flatMap(({ addresses }) => addresses.map(({ name }) => name)));
  const other = unique.find(({ name }) => names.has(name)) ?? unique[0];
  if (!asked && other !== undefined) {
    return other.address;
  }
  throw new UnetError('UNET_ADDRESS_UNKNOWN', notUnique(lead, holders(lead.address)), {
    node: lead.name,
    fatal: true,
    tail: [lead, ...others]
      .slice(0, SHOWN)
      .map(({ name, addresses }) => `${name}: ${describe(addresses) || 'none'}`),
    remedy:
      other === undefined
        ? 'the nodes need a network with IPv4 between them, on which each has an address of its own'
        : `name a network between the nodes with --interface: ${lead.name} has ${describe(unique)}`,
  });
}

// Nodes of which the addresses are listed.
const SHOWN = 8;

function notUnique({ name, address }: { name: string; address: string }, holders: readonly string[]): string {
  const which = `the address ${address} of the lead, ${name},`;
  return isLoopback(address)
    ? `${which} is a loopback: no other node reaches it`
    : `${which} is also one of ${holders.join(', ')}: a node there would talk to itself`;
}
