/**
 * Before anything is started the agents prove that the nodes reach each other: first each says which address it has on the way to the
 * lead, then each asks all others on the ports that the cluster will use.
 */
import { randomUUID } from 'node:crypto';
import { UnetError } from '../errors.ts';
import type { FromAgent } from '../protocol/from-agent.ts';
import type { Ports } from '../protocol/ports.ts';
import { type Cluster, wantedNodes } from './cluster.ts';
import { isOut, type NodeEntry } from './roster.ts';
import { unreachable } from './unreachable.ts';

// An agent's own probe ends by itself after five seconds.
const ROUND_MS = 20_000;

type Located = Extract<FromAgent, { type: 'located' }>;
type Probed = Extract<FromAgent, { type: 'probed' }>;

export type NetworkProof = {
  start: (nodes: readonly NodeEntry[], network: { leadAddress: string; ports: Ports }) => void;
  located: (message: Located) => void;
  probed: (message: Probed) => void;
  /** A node is given up: the others need not wait for it. */
  leave: () => void;
};

/** @param onProven called once, when those that are left can be told to begin. */
export function createNetworkProof(cluster: Cluster, onProven: () => void): NetworkProof {
  const key = randomUUID();
  const addresses = new Map<string, string>();
  const answers = new Map<string, Probed>();
  const problems = new Map<string, UnetError>();
  let stage: 'none' | 'locating' | 'probing' | 'over' = 'none';
  let nodes: readonly NodeEntry[] = [];
  let leadAddress = '';
  let ports: Ports | undefined;
  let cancelWait = () => {};

  const present = () => nodes.filter(({ phase }) => !isOut(phase));
  const names = () => present().map(({ name }) => name);

  const wait = (next: () => void) => {
    cancelWait();
    cancelWait = cluster.after(ROUND_MS, next);
  };

  const considerLocated = () => {
    if (stage === 'locating' && names().every((name) => addresses.has(name) || problems.has(name))) {
      probe();
    }
  };

  const probe = () => {
    stage = 'probing';
    for (const name of names().filter((one) => !addresses.has(one) && !problems.has(one))) {
      const message = `${name} did not say its address within ${ROUND_MS / 1000} s`;
      problems.set(name, new UnetError('UNET_NODE_SILENT', message, { node: name }));
    }
    for (const error of sameAddress(present(), addresses, cluster.lead)) {
      problems.set(error.details.node ?? '', error);
    }
    if (!refuse()) {
      return;
    }
    const peers = Object.fromEntries(
      names().flatMap((name) => {
        const address = addresses.get(name);
        return address === undefined ? [] : [[name, address]];
      }),
    );
    wait(finish);
    if (ports !== undefined) {
      cluster.send({ type: 'probe', key, lead: cluster.lead.name, ports, peers }, names());
    }
  };

  const considerProbed = () => {
    if (stage === 'probing' && names().every((name) => answers.has(name))) {
      finish();
    }
  };

  const finish = () => {
    stage = 'over';
    cancelWait();
    if (ports !== undefined) {
      const found = unreachable({ lead: cluster.lead.name, nodes: names(), addresses, answers, ports });
      for (const [name, error] of found) {
        problems.set(name, error);
      }
    }
    if (refuse()) {
      onProven();
    }
  };

  /** False when too few nodes are left: then the whole has failed, with the addresses of all that are refused. */
  const refuse = (): boolean => {
    const refused = present().filter(({ name }) => problems.has(name));
    const [first] = refused;
    const error = first && problems.get(first.name);
    if (error === undefined) {
      return true;
    }
    const left = present().length - refused.length;
    if (refused.includes(cluster.lead) || left < wantedNodes(cluster)) {
      stage = 'over';
      cancelWait();
      const others = refused.slice(1).flatMap(({ name }) => problems.get(name)?.message ?? []);
      cluster.fail(error.with({ tail: others }));
      return false;
    }
    for (const node of refused) {
      node.refused = true;
      cluster.giveUp(node, problems.get(node.name) ?? error);
    }
    return true;
  };

  return {
    start: (those, network) => {
      nodes = those;
      ({ leadAddress, ports } = network);
      if (those.length < 2) {
        stage = 'over';
        onProven();
        return;
      }
      stage = 'locating';
      wait(probe);
      cluster.send({ type: 'locate', leadAddress }, names());
    },
    located: ({ node, address, problem }) => {
      if (problem !== undefined) {
        problems.set(node, UnetError.fromRecord(problem));
      } else if (address !== undefined) {
        addresses.set(node, address);
      }
      considerLocated();
    },
    probed: (message) => {
      if (message.round === key) {
        answers.set(message.node, message);
        considerProbed();
      }
    },
    leave: () => {
      considerLocated();
      considerProbed();
    },
  };
}

/** Nodes with the address of another one: the later ones of each group, or all but the lead. */
function sameAddress(
  nodes: readonly NodeEntry[],
  addresses: ReadonlyMap<string, string>,
  lead: NodeEntry,
): UnetError[] {
  const holders = new Map<string, string>();
  return [lead, ...nodes.filter((node) => node !== lead)].flatMap(({ name }) => {
    const address = addresses.get(name);
    const holder = address === undefined ? undefined : holders.get(address);
    if (address === undefined || holder === undefined) {
      holders.set(address ?? '', name);
      return [];
    }
    return new UnetError('UNET_ADDRESS_UNKNOWN', `${name} and ${holder} both have the address ${address}`, {
      node: name,
      fatal: true,
      remedy: 'name a network on which each node has an address of its own with --interface',
    });
  });
}
