/** What the supervisor knows of each node. */
import type { ErrorRecord } from '../errors.ts';
import type { NodePhase } from '../events/types.ts';
import { portsOfSlot } from '../node/slots.ts';
import type { Hello } from '../protocol/from-agent.ts';
import type { Assignment } from '../protocol/to-agents.ts';
import type { StepName } from '../steps.ts';

export type NodeEntry = {
  name: string;
  role: 'lead' | 'worker';
  index: number;
  phase: NodePhase;
  /** In Kubernetes. */
  nodeName: string;
  hello?: Hello;
  /** Milliseconds by which its clock was ahead of the supervisor's when it greeted. */
  clockMs?: number;
  /** The slot of ports that its agent holds. */
  slot?: number;
  assigned: boolean;
  /** Before it was assigned anything: its tools, ports or network will not do. */
  refused?: boolean;
  steps: Set<StepName>;
  /** `performance.now()` of the last line from its agent. */
  heard?: number;
  joinedAt?: number;
  /** Ends the wait for Ready. */
  cancelReadyWait?: () => void;
  /** How often it wanted to run kubeadm join. */
  joinTries: number;
  /** What Kubernetes says of it. */
  kubeReady: boolean;
  kubeMessage?: string;
  error?: ErrorRecord;
  /** An agent has been started for it: something may be there. */
  launched: boolean;
  /** Its agent has said that nothing is left. */
  clean: boolean;
  /** Its agent has ended, or is taken for dead. */
  gone: boolean;
};

export type Roster = ReadonlyMap<string, NodeEntry>;

/** One entry a node; the first node leads. */
export function createRoster(nodes: readonly string[]): Map<string, NodeEntry> {
  const names = nodeNames(nodes);
  return new Map(
    nodes.map((name, index) => [
      name,
      {
        name,
        role: index === 0 ? 'lead' : 'worker',
        index,
        phase: 'waiting',
        nodeName: names[index] ?? name,
        assigned: false,
        steps: new Set(),
        kubeReady: false,
        joinTries: 0,
        launched: false,
        clean: false,
        gone: false,
      } satisfies NodeEntry,
    ]),
  );
}

/** Nothing more is to come from a node in one of these. */
export function isSettled({ phase }: NodeEntry): boolean {
  return phase === 'ready' || isOut(phase);
}

export function isOut(phase: NodePhase): boolean {
  return phase === 'failed' || phase === 'lost' || phase === 'missing' || phase === 'removed';
}

/**
 * What the node is called in Kubernetes, and its ports and subnet. The subnet is by index, and by slot in its second
 * byte, so that two jobs on a node have different ones. Upstream hashes the host name into one byte.
 */
export function assignmentOf(entry: NodeEntry): Assignment | undefined {
  return entry.slot === undefined
    ? undefined
    : {
        index: entry.index,
        nodeName: entry.nodeName,
        subnet: `10.${100 + entry.slot}.${entry.index}.0/24`,
        ports: portsOfSlot(entry.slot),
      };
}

/** `u7s-HOST` as upstream, in the lower case that Kubernetes demands, within its 63 characters, each once. */
function nodeNames(hosts: readonly string[]): string[] {
  const used = new Set<string>();
  return hosts.map((host, index) => {
    const plain = `u7s-${host.toLowerCase().replace(/[^a-z0-9.-]/g, '-')}`
      .slice(0, 63)
      .replace(/[^a-z0-9]+$/, '');
    const name = used.has(plain) ? `${plain.slice(0, 58)}-${index}` : plain;
    used.add(name);
    return name;
  });
}
