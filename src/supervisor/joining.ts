/** Whose turn it is to join, and that the API server has forgotten what an earlier try registered. */
import type { Cancel, Cluster } from './cluster.ts';
import type { NodeEntry } from './roster.ts';
import { createTurns } from './turns.ts';

// Deleting a Node takes one call; without an answer kubeadm's own check decides.
const FORGET_TIMEOUT_MS = 15_000;

export type Joining = {
  request: (node: NodeEntry, turn: number) => void;
  finish: (node: NodeEntry) => void;
  /** The lead has deleted the Node. */
  forgotten: (nodeName: string) => void;
};

export function createJoining(cluster: Cluster): Joining {
  const { options } = cluster;
  // What each has asked for last.
  const turns = new Map<string, number>();
  const window = createTurns(options.settings.joinWindow, (node) =>
    cluster.send({ type: 'grant', node, turn: turns.get(node) ?? 0 }, [node]),
  );
  const waiting = new Map<string, { node: NodeEntry; cancelWait: Cancel }>();

  const cancel = ({ nodeName }: NodeEntry) => {
    waiting.get(nodeName)?.cancelWait();
    return waiting.delete(nodeName);
  };
  const proceed = (nodeName: string) => {
    const entry = waiting.get(nodeName);
    if (entry !== undefined && cancel(entry.node)) {
      window.request(entry.node.name);
    }
  };

  return {
    request: (node, turn) => {
      turns.set(node.name, turn);
      node.joinTries += 1;
      if (node.joinTries === 1) {
        window.request(node.name);
        return;
      }
      // kubeadm refuses to join under the name of a Node that still counts as Ready.
      cancel(node);
      waiting.set(node.nodeName, {
        node,
        cancelWait: cluster.after(FORGET_TIMEOUT_MS, () => proceed(node.nodeName)),
      });
      cluster.send({ type: 'forget', nodeName: node.nodeName }, [cluster.lead.name]);
    },
    finish: (node) => {
      cancel(node);
      window.finish(node.name);
    },
    forgotten: proceed,
  };
}
