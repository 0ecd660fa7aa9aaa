/** Each message of an agent, to the room that it is for. */
import { UnetError } from '../errors.ts';
import type { FromAgent } from '../protocol/from-agent.ts';
import type { Cluster } from './cluster.ts';
import type { Handshake } from './handshake.ts';
import type { Joining } from './joining.ts';
import { isUp } from './phases.ts';
import type { Readiness } from './readiness.ts';
import { isOut, type NodeEntry } from './roster.ts';

type Of<T extends FromAgent['type']> = Extract<FromAgent, { type: T }>;

export type Rooms = {
  handshake: Handshake;
  joining: Joining;
  readiness: Readiness;
  onBye: (node: NodeEntry, message: Of<'bye'>) => void;
};

export function createReceiver(cluster: Cluster, rooms: Rooms): (message: FromAgent) => void {
  const { handshake, joining, readiness } = rooms;
  return (message) => {
    const node = cluster.roster.get(message.node);
    if (node === undefined) {
      cluster.effect({ do: 'note', line: `a message of the unknown node ${message.node}` });
      return;
    }
    node.heard = cluster.now();
    switch (message.type) {
      case 'hello':
        return handshake.hello(node, message);
      case 'claimed':
        return handshake.claimed(node, message.slot);
      case 'located':
        return handshake.proof.located(message);
      case 'probed':
        return handshake.proof.probed(message);
      case 'step':
        return onStep(cluster, rooms, node, message);
      case 'warning':
        return cluster.emit({ type: 'warning', node: node.name, message: message.message });
      case 'request-pack':
        return cluster.effect({ do: 'request-pack', node: node.name });
      case 'pack-done':
        return cluster.effect({ do: 'pack-done', node: node.name });
      case 'request-join':
        return joining.request(node, message.turn);
      case 'join-done':
        return joining.finish(node);
      case 'forgotten':
        return joining.forgotten(message.nodeName);
      case 'join-record':
        return cluster.send({ type: 'join-record', record: message.record });
      case 'kubeconfig':
        return cluster.effect({ do: 'keep-kubeconfig', message });
      case 'kube-node':
        return readiness.kubeNode(message);
      case 'dns':
        return readiness.dns();
      case 'container-ended':
        return onContainerEnded(cluster, node, UnetError.fromRecord(message.error));
      case 'api':
        return readiness.api(message);
      case 'bye':
        return rooms.onBye(node, message);
      case 'beat':
        return;
    }
  };
}

/** With the container of the lead the control plane is gone, and so is the cluster. */
function onContainerEnded(cluster: Cluster, node: NodeEntry, error: UnetError): void {
  if (isOut(node.phase)) {
    return; // A step of its has said so.
  }
  const remedy =
    node === cluster.lead ? '"unet up" makes another cluster' : '"unet up" starts the node again';
  const known = new UnetError(error.code, `${node.name}: ${error.message}`, { ...error.details, remedy });
  if (node === cluster.lead && isUp(cluster.phase())) {
    const message = `the control plane is lost: ${known.message}`;
    cluster.giveUp(node, new UnetError('UNET_LEAD_LOST', message, known.details));
    return;
  }
  cluster.giveUp(node, known);
  cluster.send({ type: 'forget', nodeName: node.nodeName }, [cluster.lead.name]);
}

function onStep(cluster: Cluster, { readiness }: Rooms, node: NodeEntry, message: Of<'step'>): void {
  const { step } = message;
  cluster.emit(message);
  switch (message.state) {
    case 'started':
      node.steps.add(step);
      cluster.effect({ do: 'save' });
      break;
    case 'retrying':
      break;
    case 'failed':
      cluster.giveUp(node, UnetError.fromRecord(message.error));
      break;
    case 'done':
      node.steps.delete(step);
      // The control plane's own node registers during init.
      if (step === 'join' || step === 'init') {
        readiness.joined(node);
      }
  }
}
