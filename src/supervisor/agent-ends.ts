/** Agents that never came, and agents that are gone. */
import { UnetError } from '../errors.ts';
import { launchFailure } from '../scheduler/launch-failure.ts';
import type { Cluster } from './cluster.ts';
import { isEnding } from './phases.ts';
import type { NodeEntry } from './roster.ts';

export type AgentEnds = {
  /** The agent of `node` has ended, as the launcher or its silence says. */
  ended: (node: NodeEntry, reason: string) => void;
  /** Gives up those of `nodes` that have not said hello by now. */
  missSilent: (nodes: readonly string[]) => void;
  /** Gives up those that were there and have gone silent. */
  loseSilent: () => void;
};

/** @param launcher its remedy, and its last lines. */
export function createAgentEnds(
  cluster: Cluster,
  launcher: { remedy: string; diagnostics: () => readonly string[] },
): AgentEnds {
  const { options, roster, now } = cluster;
  const { settings } = options;
  let lastLook: number | undefined;

  const ended = (node: NodeEntry, reason: string) => {
    if (node.gone) {
      return;
    }
    node.gone = true;
    if (isEnding(cluster.phase())) {
      return;
    }
    if (node.hello === undefined) {
      const error = launchFailure(reason, launcher.diagnostics(), launcher).with({ node: node.name });
      cluster.giveUp(node, error, 'missing');
    } else {
      cluster.giveUp(node, agentGone(node, reason), 'lost');
    }
  };

  return {
    ended,
    missSilent: (nodes) => {
      const seconds = settings.stepTimeouts.hello / 1000;
      for (const name of nodes) {
        const node = roster.get(name);
        if (node !== undefined && node.hello === undefined && node.phase === 'waiting') {
          const attached = options.allocation.attached !== undefined;
          cluster.giveUp(node, silent(node, seconds, launcher.diagnostics(), attached), 'missing');
        }
      }
    },
    loseSilent: () => {
      // This process was stopped, or waited for a file server: the silence was its own.
      const wasStopped = now() - (lastLook ?? now()) > settings.heartbeat * 2;
      lastLook = now();
      if (wasStopped) {
        return;
      }
      for (const node of roster.values()) {
        const silentMs = node.heard === undefined ? 0 : now() - node.heard;
        if (!node.gone && silentMs > settings.silence) {
          ended(node, `nothing heard from it for ${Math.round(silentMs / 1000)} s`);
        }
      }
    },
  };
}

function agentGone(node: NodeEntry, reason: string): UnetError {
  return new UnetError('UNET_NODE_LOST', `the agent on ${node.name} is gone: ${reason}`, {
    node: node.name,
    remedy: '"unet up" tries the node again',
  });
}

function silent(
  node: NodeEntry,
  seconds: number,
  diagnostics: readonly string[],
  attached: boolean,
): UnetError {
  return new UnetError('UNET_NODE_SILENT', `${node.name} did not say hello within ${seconds} s`, {
    node: node.name,
    tail: diagnostics.slice(-6),
    remedy: attached
      ? 'did the prolog run there (PrologFlags=Alloc in slurm.conf), and can the node read the job directory and reach the lead?'
      : 'is the node up, and does it see this installation of unet? Or raise --step-timeout hello=…',
  });
}
