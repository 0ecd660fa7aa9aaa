/** Agents that never came, that are gone, and what they left. */
import { UnetError } from '../errors.ts';
import { launchFailure } from '../launch/failure.ts';
import type { Launcher } from '../launch/launcher.ts';
import { cleanNodes } from './clean.ts';
import type { Cluster } from './cluster.ts';
import type { NodeEntry } from './roster.ts';

// A cleaning agent's start, beside two tries of make down-v.
const CLEAN_MARGIN_MS = 15_000;

export type Losses = {
  /** The agent of `node` has ended, as the launcher or its silence says. */
  exited: (node: NodeEntry, reason: string) => void;
  /** Gives up those of `nodes` that have not said hello by now. */
  missSilent: (nodes: readonly string[]) => void;
  /** Gives up those that were there and have gone silent. */
  loseSilent: () => void;
  /** Another agent cleans after a dead one, at once. */
  clean: (node: NodeEntry) => void;
  /** What no agent has taken away by now; resolves with what could not be. */
  cleanRest: () => Promise<UnetError[]>;
  /** The node is tried again; resolves when nobody cleans there any more. */
  forget: (node: NodeEntry) => Promise<void>;
};

/** @param diagnostics the launcher's last lines. */
export function createLosses(
  cluster: Cluster,
  launcher: Launcher,
  diagnostics: () => readonly string[],
): Losses {
  const { options, roster, spec } = cluster;
  const { settings } = options;
  let lastLook = performance.now();
  const cleaning = new Map<string, Promise<UnetError[]>>();

  const clean = (nodes: string[]) =>
    cleanNodes({
      launcher,
      nodes,
      env: options.env,
      spec,
      timeoutMs: settings.stepTimeouts.down + CLEAN_MARGIN_MS,
      onDiagnostic: options.note,
      onClean: (name) => {
        const node = roster.get(name);
        if (node !== undefined) {
          node.clean = true;
          cluster.save();
        }
      },
    });

  const exited = (node: NodeEntry, reason: string) => {
    if (node.gone) {
      return;
    }
    node.gone = true;
    if (cluster.phase() === 'stopping' || cluster.phase() === 'stopped') {
      return;
    }
    if (node.hello === undefined) {
      cluster.giveUp(
        node,
        launchFailure(reason, diagnostics(), launcher.kind).with({ node: node.name }),
        'missing',
      );
    } else {
      cluster.giveUp(node, agentGone(node, reason), 'lost');
    }
  };

  return {
    exited,
    missSilent: (nodes) => {
      const seconds = settings.stepTimeouts.hello / 1000;
      for (const name of nodes) {
        const node = roster.get(name);
        if (node !== undefined && node.hello === undefined && node.phase === 'waiting') {
          const attached = options.allocation.attached !== undefined;
          cluster.giveUp(node, silent(node, seconds, diagnostics(), attached), 'missing');
        }
      }
    },
    loseSilent: () => {
      const now = performance.now();
      // We were stopped ourselves, or waited for a file server: the silence was ours.
      const wasStopped = now - lastLook > settings.heartbeat * 2;
      lastLook = now;
      if (wasStopped) {
        return;
      }
      for (const node of roster.values()) {
        const silentMs = node.heard === undefined ? 0 : performance.now() - node.heard;
        if (!node.gone && silentMs > settings.silence) {
          exited(node, `nothing heard from it for ${Math.round(silentMs / 1000)} s`);
        }
      }
    },
    clean: (node) => {
      const warn = (problems: UnetError[]) => {
        for (const { message } of problems) {
          cluster.emit({ type: 'warning', node: node.name, message });
        }
        return problems;
      };
      cleaning.set(node.name, clean([node.name]).then(warn));
    },
    cleanRest: async () => {
      const tried = await Promise.all(cleaning.values());
      const rest = [...roster.values()].filter(
        // One that never greeted may have been about to; one that was given up for that has nothing.
        (node) =>
          !node.clean &&
          node.phase !== 'missing' &&
          !cleaning.has(node.name) &&
          // One that a prolog starts makes nothing before it has greeted, and has its epilog.
          !(options.allocation.attached !== undefined && node.hello === undefined),
      );
      return [...tried.flat(), ...(await clean(rest.map(({ name }) => name)))];
    },
    forget: async (node) => {
      await cleaning.get(node.name);
      cleaning.delete(node.name);
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
