/** From joined to Ready, as the lead sees it in the API, and DNS. */
import { join } from 'node:path';
import { UnetError } from '../errors.ts';
import type { Cluster } from './cluster.ts';
import type { NodeEntry } from './roster.ts';

export type Readiness = {
  joined: (node: NodeEntry) => void;
  kubeNode: (node: { name: string; ready: boolean; message: string }) => void;
  dns: () => void;
  dnsAnswers: () => boolean;
  api: (news: { answers: boolean; message: string }) => void;
  /** What is wrong with the API server. */
  apiTrouble: () => UnetError | undefined;
};

export function createReadiness(cluster: Cluster): Readiness {
  const { lead, options, roster, now } = cluster;
  const { stepTimeouts } = options.settings;
  let dns = false;
  let dnsAwaited: number | undefined;
  let apiTrouble: UnetError | undefined;

  const ready = (node: NodeEntry) => {
    node.cancelReadyWait?.();
    cluster.setNode(node, 'ready');
    // Not when it only comes back.
    if (node.steps.delete('ready')) {
      const ms = Math.round(now() - (node.joinedAt ?? now()));
      cluster.emit({ type: 'step', node: node.name, step: 'ready', state: 'done', ms });
    }
    if (node === lead && !dns && dnsAwaited === undefined) {
      awaitDns();
    }
    cluster.consider();
  };

  const awaitDns = () => {
    dnsAwaited = now();
    lead.steps.add('dns');
    cluster.emit({ type: 'step', node: lead.name, step: 'dns', state: 'started' });
    cluster.after(stepTimeouts.dns, () => {
      if (!dns && cluster.phase() === 'bringing-up') {
        cluster.fail(
          new UnetError(
            'UNET_READY_TIMEOUT',
            `DNS of the cluster did not answer within ${stepTimeouts.dns / 1000} s`,
            {
              node: lead.name,
              step: 'dns',
              ...whereToLook(cluster, lead, 'is there a coredns pod that runs?'),
            },
          ),
        );
      }
    });
  };

  const lateFor = (node: NodeEntry) => {
    const seconds = stepTimeouts.ready / 1000;
    const seen = node.kubeMessage ?? 'it is not in the API';
    const error = new UnetError(
      'UNET_READY_TIMEOUT',
      `${node.nodeName} joined but was not Ready within ${seconds} s: ${seen}`,
      {
        node: node.name,
        step: 'ready',
        ...whereToLook(cluster, node, 'is the CNI running there?'),
      },
    );
    node.steps.delete('ready');
    cluster.emit({
      type: 'step',
      node: node.name,
      step: 'ready',
      state: 'failed',
      ms: stepTimeouts.ready,
      error: error.toRecord(),
    });
    cluster.giveUp(node, error);
  };

  return {
    joined: (node) => {
      node.joinedAt = now();
      node.steps.add('ready');
      cluster.setNode(node, 'joined');
      cluster.emit({ type: 'step', node: node.name, step: 'ready', state: 'started' });
      node.cancelReadyWait?.();
      node.cancelReadyWait = cluster.after(stepTimeouts.ready, () => {
        if (node.phase === 'joined') {
          lateFor(node);
        }
      });
      if (node.kubeReady) {
        ready(node);
      }
    },
    kubeNode: ({ name, ready: isReady, message }) => {
      const node = [...roster.values()].find(({ nodeName }) => nodeName === name);
      if (node === undefined) {
        return;
      }
      node.kubeReady = isReady;
      node.kubeMessage = message;
      if (isReady && node.phase === 'joined') {
        ready(node);
      } else if (!isReady && node.phase === 'ready') {
        cluster.emit({
          type: 'warning',
          node: node.name,
          message: `${name} is not Ready any more: ${message}`,
        });
        cluster.setNode(node, 'joined', message);
        cluster.consider();
      }
    },
    dns: () => {
      dns = true;
      lead.steps.delete('dns');
      if (dnsAwaited !== undefined) {
        const ms = Math.round(now() - dnsAwaited);
        cluster.emit({ type: 'step', node: lead.name, step: 'dns', state: 'done', ms });
      }
      cluster.consider();
    },
    dnsAnswers: () => dns,
    api: ({ answers, message }) => {
      apiTrouble = answers ? undefined : apiSilent(lead, options.settings.silence, message);
      cluster.consider();
    },
    apiTrouble: () => apiTrouble,
  };
}

function apiSilent({ name }: NodeEntry, silenceMs: number, why: string): UnetError {
  return new UnetError(
    'UNET_API_SILENT',
    `the API server on ${name} has not answered for ${silenceMs / 1000} s: ${why}`,
    {
      node: name,
      remedy: 'it may come back by itself; if not, "unet down" and "unet up" make another cluster',
    },
  );
}

/** What can be typed then: without its lead a cluster is taken down, and only its logs are left. */
function whereToLook(cluster: Cluster, node: NodeEntry, question: string): { remedy: string; log?: string } {
  const goes = node === cluster.lead && !cluster.options.settings.retain;
  if (!goes) {
    return { remedy: `${question} "unet kubectl get pods -A -o wide" shows it` };
  }
  const log = join(cluster.logs, node.name, 'cluster.txt');
  return {
    remedy: `${question} The pods, their events and logs are in the logs; --retain keeps the cluster`,
    log,
  };
}
