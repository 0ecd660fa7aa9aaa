/** Whether a bring-up is decided, and how. */
import { type ErrorRecord, UnetError } from '../errors.ts';
import { isSettled, type NodeEntry, type Roster } from './roster.ts';

export type Verdict =
  | { is: 'pending' }
  | { is: 'usable'; ready: NodeEntry[]; missing: NodeEntry[] }
  /** The control plane is there, but fewer nodes than wanted. */
  | { is: 'degraded'; ready: NodeEntry[]; missing: NodeEntry[]; error: UnetError };

/** Decided when every node is Ready or given up, and DNS answers: whoever can still come is waited for. */
export function judge(roster: Roster, minNodes: number, dns: boolean): Verdict {
  const nodes = [...roster.values()];
  const lead = nodes.find(({ role }) => role === 'lead');
  if (lead?.phase !== 'ready' || !dns || !nodes.every(isSettled)) {
    return { is: 'pending' };
  }
  const ready = nodes.filter(({ phase }) => phase === 'ready');
  const missing = nodes.filter(({ phase }) => phase !== 'ready');
  return ready.length >= minNodes
    ? { is: 'usable', ready, missing }
    : { is: 'degraded', ready, missing, error: tooFew(ready.length, minNodes, missing) };
}

/** What is waited for, in words, for the error of a deadline. */
export function describePending(roster: Roster, dns: boolean): string {
  const waiting = [...roster.values()]
    .filter((node) => !isSettled(node))
    .map((node) => `${node.name} (${[...node.steps].join(', ') || describePhase(node)})`);
  const parts = waiting.length > 0 ? waiting.slice(0, 8) : dns ? [] : ['DNS of the cluster'];
  const more = waiting.length > 8 ? ` and ${waiting.length - 8} more` : '';
  return `${parts.join(', ')}${more}` || 'nothing';
}

function describePhase({ phase, kubeMessage }: NodeEntry): string {
  if (phase === 'waiting') {
    return 'no message from its agent';
  }
  return phase === 'joined' ? `joined, not Ready: ${kubeMessage ?? 'not seen in the API'}` : phase;
}

/** Of a cluster that is up: the error when fewer nodes are Ready than are wanted. */
export function judgeLater(roster: Roster, minNodes: number): UnetError | undefined {
  const nodes = [...roster.values()];
  const missing = nodes.filter(({ phase }) => phase !== 'ready');
  return nodes.length - missing.length >= minNodes
    ? undefined
    : tooFew(nodes.length - missing.length, minNodes, missing);
}

function tooFew(ready: number, minNodes: number, missing: readonly NodeEntry[]): UnetError {
  const named = missing.map(({ name, error, phase, kubeMessage }) => {
    const why =
      error?.code ?? (phase === 'joined' ? `not Ready: ${kubeMessage ?? 'not in the API'}` : undefined);
    return `${name}${why === undefined ? '' : ` (${why})`}`;
  });
  const first: ErrorRecord | undefined = missing.find(({ error }) => error !== undefined)?.error;
  return new UnetError(
    'UNET_NODES_MISSING',
    `${ready} of ${minNodes} wanted nodes are Ready; missing: ${named.join(', ')}`,
    {
      log: first?.log,
      remedy:
        'the cluster is up with the nodes that came: "unet up" tries the others again, "unet down" removes it; --min-nodes says how many are enough',
    },
  );
}
