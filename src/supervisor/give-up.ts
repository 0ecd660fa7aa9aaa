/** A node is given up, or with the lead the whole bring-up. */
import { UnetError } from '../errors.ts';
import { type Cluster, wantedNodes } from './cluster.ts';
import type { Handshake } from './handshake.ts';
import type { Joining } from './joining.ts';
import { isEnding } from './phases.ts';
import { isOut, type NodeEntry } from './roster.ts';

type Lost = 'failed' | 'lost' | 'missing';

export function giveUp(
  cluster: Cluster,
  { handshake, joining }: { handshake: Handshake; joining: Joining },
  node: NodeEntry,
  error: UnetError,
  phase: Lost,
): void {
  const { lead } = cluster;
  if (isEnding(cluster.phase()) || (isOut(node.phase) && node.phase !== 'failed')) {
    return;
  }
  // An agent that has failed and then ends has failed for the first reason.
  node.error ??= error.toRecord();
  node.steps.clear();
  cluster.setNode(node, phase, error.message);
  joining.finish(node);
  cluster.effect({ do: 'pack-done', node: node.name });
  if (node === lead) {
    cluster.fail(leadLost(node, error, phase));
    return;
  }
  cluster.emit({ type: 'error', error: error.toRecord() });
  if (phase === 'lost') {
    cluster.send({ type: 'forget', nodeName: node.nodeName }, [lead.name]);
    if (!node.clean) {
      cluster.effect({ do: 'clean', node: node.name });
    }
  }
  refuseHopeless(cluster, handshake, error);
  handshake.leave(node);
  cluster.consider();
}

/** Before anything was started: when too few nodes can take part, the bring-up fails now. */
function refuseHopeless(cluster: Cluster, handshake: Handshake, error: UnetError): void {
  const possible = [...cluster.roster.values()].filter(({ phase }) => !isOut(phase)).length;
  if (!handshake.closed() && possible < wantedNodes(cluster) && error.exitCode === 3) {
    cluster.fail(error);
  }
}

function leadLost(node: NodeEntry, error: UnetError, phase: Lost): UnetError {
  return phase === 'lost'
    ? new UnetError('UNET_LEAD_LOST', `the lead is lost: ${error.message}`, {
        ...error.details,
        node: node.name,
      })
    : error;
}
