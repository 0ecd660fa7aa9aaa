/** Each message of an agent, to the room that it is for. */
import { UnetError } from '../errors.ts';
import type { FromAgent } from '../protocol/from-agent.ts';
import type { Cluster } from './cluster.ts';
import type { Handshake } from './handshake.ts';
import type { Joining } from './joining.ts';
import type { Readiness } from './readiness.ts';
import type { NodeEntry } from './roster.ts';

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
      case 'started':
      case 'done':
      case 'failed':
      case 'retrying':
        return stepNews(cluster, rooms, node, message);
      case 'warning':
        return cluster.emit({ type: 'warning', node: node.name, message: message.message });
      case 'want-pack':
        return cluster.effect({ do: 'want-pack', node: node.name });
      case 'pack-over':
        return cluster.effect({ do: 'pack-over', node: node.name });
      case 'want-join':
        return joining.want(node, message.turn);
      case 'join-over':
        return joining.over(node);
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
      case 'bye':
        return rooms.onBye(node, message);
      case 'beat':
        return;
    }
  };
}

function stepNews(
  cluster: Cluster,
  { readiness }: Rooms,
  node: NodeEntry,
  message: Of<'started' | 'done' | 'failed' | 'retrying'>,
): void {
  const { step } = message;
  const where = { type: 'step', node: node.name, step } as const;
  switch (message.type) {
    case 'started':
      node.steps.add(step);
      cluster.emit({ ...where, state: 'started' });
      cluster.effect({ do: 'save' });
      break;
    case 'retrying':
      cluster.emit({
        ...where,
        state: 'retrying',
        attempt: message.attempt,
        inMs: message.inMs,
        message: message.message,
      });
      break;
    case 'failed':
      cluster.emit({ ...where, state: 'failed', ms: message.ms, error: message.error });
      cluster.giveUp(node, UnetError.fromRecord(message.error));
      break;
    case 'done':
      node.steps.delete(step);
      cluster.emit({ ...where, state: 'done', ms: message.ms });
      // The control plane's own node registers during init.
      if (step === 'join' || step === 'init') {
        readiness.joined(node);
      }
  }
}
