/** What each message of an agent means to the supervisor. */
import { UnetError } from '../errors.ts';
import type { FromAgent } from '../node/from-agent.ts';
import type { Cluster } from './cluster.ts';
import type { Greeting } from './greeting.ts';
import type { Joining } from './joining.ts';
import type { PackDelivery } from './pack-delivery.ts';
import type { Readiness } from './readiness.ts';
import type { NodeEntry } from './roster.ts';

type Of<T extends FromAgent['type']> = Extract<FromAgent, { type: T }>;

export type Rooms = {
  greeting: Greeting;
  joining: Joining;
  pack: PackDelivery;
  readiness: Readiness;
  onKubeconfig: (message: Of<'kubeconfig'>) => void;
  onBye: (node: NodeEntry, message: Of<'bye'>) => void;
};

export function createReceiver(cluster: Cluster, rooms: Rooms): (message: FromAgent) => void {
  const { greeting, joining, readiness } = rooms;
  return (message) => {
    const node = cluster.roster.get(message.node);
    if (node === undefined) {
      cluster.options.note(`a message of the unknown node ${message.node}`);
      return;
    }
    node.heard = performance.now();
    switch (message.type) {
      case 'hello':
        return greeting.hello(node, message);
      case 'claimed':
        return greeting.claimed(node, message.slot);
      case 'started':
      case 'done':
      case 'failed':
      case 'retrying':
        return stepNews(cluster, rooms, node, message);
      case 'warning':
        return cluster.emit({ type: 'warning', node: node.name, message: message.message });
      case 'want-pack':
        return rooms.pack.want(node);
      case 'pack-over':
        return rooms.pack.over(node);
      case 'want-join':
        return joining.want(node, message.turn);
      case 'join-over':
        return joining.over(node);
      case 'forgotten':
        return joining.forgotten(message.nodeName);
      case 'join-record':
        return cluster.send({ type: 'join-record', record: message.record });
      case 'kubeconfig':
        return rooms.onKubeconfig(message);
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
      cluster.save();
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
