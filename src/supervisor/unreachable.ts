/** Which nodes cannot take part, from what each of them has reached. */
import { UnetError } from '../errors.ts';
import type { FromAgent } from '../protocol/from-agent.ts';
import type { Ports } from '../protocol/ports.ts';

export type Reached = {
  lead: string;
  /** In their order; those that are in the proof. */
  nodes: readonly string[];
  addresses: ReadonlyMap<string, string>;
  answers: ReadonlyMap<string, Pick<Extract<FromAgent, { type: 'probed' }>, 'unanswered' | 'lead'>>;
  ports: Pick<Ports, 'flannel' | 'apiServer'>;
};

/**
 * The workers that do not reach the lead, or are not reached by it; then, of workers that do not reach each other, those that miss
 * most, until all that are left reach each other.
 */
export function unreachable(reached: Reached): Map<string, UnetError> {
  const { lead, nodes, answers, ports } = reached;
  const refused = new Map<string, UnetError>();
  const at = (name: string) => `${name} (${reached.addresses.get(name) ?? 'no address'})`;
  const misses = (from: string, to: string) => answers.get(from)?.unanswered.includes(to) ?? true;
  const apart = (one: string, other: string) => misses(one, other) || misses(other, one);
  for (const name of nodes.filter((node) => node !== lead)) {
    const why = answers.get(name)?.lead;
    if (why !== undefined) {
      refused.set(
        name,
        blocked(
          name,
          `${at(name)} does not reach TCP port ${ports.apiServer} of the lead, ${at(lead)}: ${why}`,
        ),
      );
    } else if (apart(name, lead)) {
      refused.set(name, noVxlan(name, at(name), at(lead), ports.flannel));
    }
  }
  for (;;) {
    const left = nodes.filter((node) => node !== lead && !refused.has(node));
    const lacking = left.map((node) => ({
      node,
      missed: left.filter((one) => one !== node && apart(node, one)),
    }));
    const worst = lacking.reduce<(typeof lacking)[number] | undefined>(
      (most, one) => (one.missed.length >= (most?.missed.length ?? 1) ? one : most),
      undefined,
    );
    if (worst === undefined) {
      return refused;
    }
    const [first = ''] = worst.missed;
    refused.set(worst.node, noVxlan(worst.node, at(worst.node), at(first), ports.flannel));
  }
}

function noVxlan(node: string, one: string, other: string, port: number): UnetError {
  return blocked(
    node,
    `UDP port ${port} is not answered between ${one} and ${other}: their pods would not reach each other`,
  );
}

function blocked(node: string, message: string): UnetError {
  return new UnetError('UNET_NODE_UNREACHABLE', message, {
    node,
    fatal: true,
    remedy:
      'is there a firewall between the nodes? Name another network with --interface, or start without this proof: --probe none',
  });
}
