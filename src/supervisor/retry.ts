/** Trying again what has failed or is missing. */
import type { Cluster } from './cluster.ts';
import type { Handshake } from './handshake.ts';
import { isUp } from './phases.ts';
import { isOut, type NodeEntry } from './roster.ts';

/** False, and nothing is done, when all is up or under way. */
export function retryMissing(cluster: Cluster, handshake: Handshake): boolean {
  const again = [...cluster.roster.values()].filter((node) => isOut(node.phase) && !isRefused(node));
  if (!isUp(cluster.phase()) || again.length === 0) {
    return false;
  }
  const names = again.map(({ name }) => name).join(', ');
  cluster.effect({ do: 'enter', phase: 'bringing-up', message: `trying again: ${names}` });
  cluster.republish();
  const gone = again.filter((node) => !retryInAgent(cluster, handshake, node)).map(({ name }) => name);
  if (gone.length > 0) {
    cluster.effect({ do: 'clean-for-retry', nodes: gone });
  }
  return true;
}

/** Its agent is there, and waits for the end: what was refused is refused still. */
function isRefused({ gone, refused }: NodeEntry): boolean {
  return !gone && refused === true;
}

/** True when the node's agent is there to try again; otherwise it needs another one. */
function retryInAgent(cluster: Cluster, handshake: Handshake, node: NodeEntry): boolean {
  const alive = !node.gone && node.hello !== undefined;
  delete node.error;
  node.kubeReady = false;
  if (alive) {
    cluster.setNode(node, 'working');
    cluster.effect({ do: 'resend-release', node: node.name });
    cluster.send({ type: 'retry', node: node.name, epoch: cluster.epoch() }, [node.name]);
    handshake.again(node);
  } else {
    delete node.hello;
    delete node.heard;
    delete node.slot;
    Object.assign(node, { assigned: false, clean: false, refused: false });
    cluster.setNode(node, 'waiting');
  }
  return alive;
}
