/** Whose turn it is to join, and that the API server has forgotten what an earlier try registered. */
import type { Cluster } from './cluster.ts';
import { createJoinWindow } from './join-window.ts';
import type { NodeEntry } from './roster.ts';

// Deleting a Node takes one call; without an answer kubeadm's own check decides.
const FORGET_TIMEOUT_MS = 15_000;

export type Joining = {
  want: (node: NodeEntry) => void;
  over: (node: NodeEntry) => void;
  /** The lead has deleted the Node. */
  forgotten: (nodeName: string) => void;
};

export function createJoining(cluster: Cluster): Joining {
  const { options, timers } = cluster;
  const window = createJoinWindow(options.settings.joinWindow, (node) =>
    cluster.send({ type: 'grant', node }),
  );
  const waiting = new Map<string, () => void>();
  return {
    want: (node) => {
      node.joinTries += 1;
      if (node.joinTries === 1) {
        window.want(node.name);
        return;
      }
      // kubeadm refuses to join under the name of a Node that still counts as Ready.
      const timer = timers.after(FORGET_TIMEOUT_MS, () => waiting.get(node.nodeName)?.());
      waiting.set(node.nodeName, () => {
        waiting.delete(node.nodeName);
        clearTimeout(timer);
        window.want(node.name);
      });
      cluster.send({ type: 'forget', nodeName: node.nodeName });
    },
    over: (node) => window.over(node.name),
    forgotten: (nodeName) => waiting.get(nodeName)?.(),
  };
}
