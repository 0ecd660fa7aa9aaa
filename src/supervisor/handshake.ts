/** From the first hello to the assignment: who is there, on which ports, and how the join record will travel. */
import { UnetError } from '../errors.ts';
import { chooseTransport, type TransportName } from '../join/transports.ts';
import { portsOfSlot, SLOTS } from '../node/slots.ts';
import { sameArchitecture } from '../pack/architecture.ts';
import type { Hello } from '../protocol/from-agent.ts';
import { checkPeer } from '../protocol/version.ts';
import { clockWarning } from './clocks.ts';
import type { Cluster } from './cluster.ts';
import { type AddressedNode, chooseLeadAddress } from './lead-address.ts';
import { createNetworkProof, type NetworkProof } from './proof.ts';
import { assignmentOf, isOut, type NodeEntry } from './roster.ts';
import { createSlotAgreement } from './slot-agreement.ts';

// Agents that greet within this time of the lead are waited for before ports are agreed on.
const GRACE_MS = 5000;

export type Handshake = {
  hello: (node: NodeEntry, hello: Hello) => void;
  claimed: (node: NodeEntry, slot: number) => void;
  /** A node is tried again by its own agent: it is assigned what it lacks. */
  again: (node: NodeEntry) => void;
  /** A node is given up: the others need not wait for it. */
  leave: (node: NodeEntry) => void;
  /** The agents that are there have their plan. */
  closed: () => boolean;
  /** That the nodes reach each other. */
  proof: NetworkProof;
};

export function createHandshake(cluster: Cluster): Handshake {
  const { options, roster, lead, spec } = cluster;
  let closed = false;
  let joinVia: TransportName = 'stdio';
  let leadAddress = '';
  let proven = false;
  const begin = () => {
    proven = true;
    assign();
  };
  const proof = createNetworkProof(cluster, begin);
  const agreement = createSlotAgreement({
    propose: (slot, round) => cluster.send({ type: 'claim', slot, round }),
    onAgreed: (slot) => {
      const holders = present().filter(({ name }) => agreement.heldBy(name) === slot);
      for (const node of holders) {
        node.slot = slot;
      }
      if (options.settings.probe === 'none') {
        begin();
      } else {
        proof.start(holders, { leadAddress, ports: portsOfSlot(slot) });
      }
      if (holders.length < present().length) {
        // Who came while the others agreed is asked for the same.
        cluster.send({ type: 'claim', slot, round: 0 });
      }
    },
    onNone: () =>
      cluster.fail(
        new UnetError('UNET_PORTS_TAKEN', `none of the ${SLOTS} slots of ports is free on all nodes`, {
          remedy:
            'run "ss -ltnup" on the nodes to see which processes use them, or use fewer nodes with --nodes',
        }),
      ),
  });

  const present = () => [...roster.values()].filter((node) => node.hello !== undefined && !isOut(node.phase));

  const closeWhenComplete = () => {
    const complete = [...roster.values()].every((node) => node.hello !== undefined || isOut(node.phase));
    // Here each node has a slot of its own and sees the job directory, and the lead need not wait for the others.
    if (complete || cluster.scheduler.madeUpNodes) {
      close();
    }
  };

  /** Who has greeted by now gets one plan; the others may come later, on what was agreed. */
  const close = () => {
    if (closed || cluster.phase() !== 'bringing-up' || !present().includes(lead)) {
      return;
    }
    closed = true;
    present().forEach(warnOfClock);
    const allSee = present().every(({ hello }) => hello?.seesJobDir === true);
    try {
      leadAddress = addressOfLead();
      joinVia = chooseTransport(options.settings.joinVia, allSee, cluster.scheduler);
    } catch (error) {
      cluster.fail(UnetError.from(error));
      return;
    }
    if (options.settings.stage === 'copy' && !allSee) {
      cluster.fail(notSeen(present().filter(({ hello }) => hello?.seesJobDir !== true)));
      return;
    }
    cluster.effect({ do: 'deliver-release', everyNodeSeesJobDir: allSee });
    cluster.effect({ do: 'start-pack' });
    if (spec.oneHost) {
      for (const node of present()) {
        node.slot = node.hello?.slot ?? 0;
      }
      begin();
    } else {
      agreement.start(present().map(({ name }) => name));
    }
  };

  const addressOfLead = (): string => {
    const address = lead.hello?.address ?? '127.0.0.1';
    if (spec.oneHost) {
      return address;
    }
    const others = present().filter((node) => node !== lead);
    const asked = options.settings.interface !== undefined;
    return chooseLeadAddress({ ...addressed(lead), address }, others.map(addressed), asked);
  };

  const assign = () => {
    if (!proven) {
      return;
    }
    const assigned = [...roster.values()].flatMap((node) => {
      const assignment = assignmentOf(node);
      return assignment === undefined || isOut(node.phase) ? [] : [{ node, assignment }];
    });
    const anew = assigned.map(({ node }) => node).filter((node) => !node.assigned);
    for (const node of anew) {
      node.assigned = true;
    }
    const nodes = Object.fromEntries(assigned.map(({ node, assignment }) => [node.name, assignment]));
    cluster.send(
      { type: 'assign', joinVia, leadAddress, nodes },
      anew.map(({ name }) => name),
    );
  };

  const warnOfClock = (node: NodeEntry) => {
    const message = clockWarning(node, lead);
    if (message !== undefined) {
      cluster.emit({ type: 'warning', message });
    }
  };

  const refuse = (node: NodeEntry, error: UnetError) => {
    node.refused = true;
    cluster.giveUp(node, error);
  };

  const welcomeLate = (node: NodeEntry, { seesJobDir, slot }: Hello) => {
    if (!seesJobDir && joinVia === 'shared-fs') {
      refuse(
        node,
        new UnetError('UNET_JOIN_FAILED', `${node.name} greeted late and does not see the job directory`, {
          node: node.name,
          remedy: 'use --join-via stdio',
        }),
      );
      return;
    }
    if (!seesJobDir && options.settings.stage === 'copy') {
      refuse(node, notSeen([node]));
      return;
    }
    if (!spec.oneHost && addressed(node).addresses.some(({ address }) => address === leadAddress)) {
      const message = `${node.name} has the address of the lead, ${leadAddress}, too`;
      const remedy = 'name a network between the nodes with --interface';
      refuse(node, new UnetError('UNET_ADDRESS_UNKNOWN', message, { node: node.name, remedy }));
      return;
    }
    cluster.effect({ do: 'resend-release', node: node.name, seesJobDir });
    if (cluster.phase() !== 'bringing-up') {
      // The record of the bring-up is withdrawn by now.
      cluster.republish();
    }
    const agreed = agreement.agreed();
    if (spec.oneHost) {
      node.slot = slot;
      assign();
    } else if (agreed !== undefined) {
      cluster.send({ type: 'claim', slot: agreed, round: 0 }, [node.name]);
    }
  };

  return {
    hello: (node, hello) => {
      node.hello = hello;
      const refused = refusal(node, hello, cluster);
      if (refused !== undefined) {
        refuse(node, refused);
        return;
      }
      cluster.setNode(node, 'working');
      agreement.holds(node.name, hello.slot);
      if (closed) {
        warnOfClock(node);
        welcomeLate(node, hello);
        return;
      }
      if (node === lead) {
        cluster.after(GRACE_MS, close);
      }
      closeWhenComplete();
    },
    claimed: (node, slot) => {
      if (slot < 0) {
        refuse(node, portsTaken(node, `no slot of ports is free on ${node.name}`));
        return;
      }
      agreement.holds(node.name, slot);
      const agreed = agreement.agreed();
      if (agreed === undefined || node.assigned || isOut(node.phase)) {
        return;
      }
      if (slot === agreed) {
        node.slot = slot;
        assign();
      } else {
        refuse(
          node,
          portsTaken(node, `${node.name} greeted late, and the ports of the others are taken there`),
        );
      }
    },
    again: (node) => {
      const agreed = agreement.agreed();
      if (node.assigned) {
        return;
      }
      if (spec.oneHost) {
        node.slot = node.hello?.slot ?? 0;
      }
      if (node.slot !== undefined) {
        assign();
      } else if (agreed !== undefined) {
        cluster.send({ type: 'claim', slot: agreed, round: 0 }, [node.name]);
      }
    },
    leave: (node) => {
      agreement.leave(node.name);
      proof.leave();
      closeWhenComplete();
    },
    closed: () => closed,
    proof,
  };
}

function addressed({ name, hello }: NodeEntry): AddressedNode {
  return { name, addresses: hello?.addresses ?? [] };
}

function notSeen(nodes: NodeEntry[]): UnetError {
  const names = nodes.map(({ name }) => name).join(', ');
  const message = `--stage copy: the release cannot be copied from the job directory, which is not seen on ${names}`;
  return new UnetError('UNET_CONFIG_INVALID', message, {
    fatal: true,
    remedy: 'choose a directory on a shared filesystem with --job-dir, or leave --stage at auto',
  });
}

function refusal(
  node: NodeEntry,
  hello: Hello,
  { options, packArchitecture }: Cluster,
): UnetError | undefined {
  try {
    checkPeer(hello, options.unet, node.name);
    const architecture = packArchitecture();
    if (architecture !== undefined && hello.architecture !== undefined) {
      sameArchitecture('the pack', architecture, node.name, hello.architecture);
    }
  } catch (error) {
    return UnetError.from(error).with({ node: node.name });
  }
  return hello.problem === undefined ? undefined : UnetError.fromRecord(hello.problem);
}

function portsTaken(node: NodeEntry, message: string): UnetError {
  return new UnetError('UNET_PORTS_TAKEN', message, {
    node: node.name,
    remedy: 'run "ss -ltnup" on that node to see which processes use them',
  });
}
