/** Cleaning after agents that have died, for as long as the supervisor lives: on its own host by itself, elsewhere by other agents. */
import type { UnetError } from '../errors.ts';
import { cleanNodes } from '../launch/clean-nodes.ts';
import { cleanOwnHost } from '../node/clean-node.ts';
import type { JobSpec } from '../protocol/to-agents.ts';
import type { Launcher } from '../scheduler/launcher.ts';
import type { SupervisorOptions } from './cluster.ts';
import type { NodeEntry, Roster } from './roster.ts';

// A cleaning agent's start, beside two tries of make down-v.
const CLEAN_MARGIN_MS = 15_000;

export type Cleaning = {
  /** Starts at once; `onProblem` hears what could not be removed. */
  clean: (node: NodeEntry, onProblem: (problem: UnetError) => void) => void;
  /** Resolves when no cleaning agent is on that node; it is forgotten that there was one. */
  finish: (node: NodeEntry) => Promise<void>;
  /** Cleans every node that no agent has cleaned by now; resolves with what could not be removed. */
  cleanRest: () => Promise<UnetError[]>;
};

export function createCleaning({
  options,
  spec,
  roster,
  launcher,
  onOneHost,
  onClean,
}: {
  options: Pick<SupervisorOptions, 'env' | 'note' | 'settings' | 'allocation'>;
  spec: JobSpec;
  roster: Roster;
  launcher: Launcher;
  /** All nodes are the supervisor's host. */
  onOneHost: boolean;
  onClean: () => void;
}): Cleaning {
  const running = new Map<string, Promise<UnetError[]>>();

  const isHere = (node: string) => onOneHost || node === options.allocation.self;
  const clean = async (nodes: string[]) => {
    const common = {
      env: options.env,
      spec,
      timeoutMs: options.settings.stepTimeouts.down + CLEAN_MARGIN_MS,
      onClean: (name: string) => {
        const node = roster.get(name);
        if (node !== undefined) {
          node.clean = true;
          onClean();
        }
      },
    };
    const elsewhere = nodes.filter((node) => !isHere(node));
    const problems = await Promise.all([
      cleanOwnHost({ ...common, nodes: nodes.filter(isHere) }),
      cleanNodes({ ...common, nodes: elsewhere, launcher, onDiagnostic: options.note }),
    ]);
    return problems.flat();
  };

  return {
    clean: (node, onProblem) => {
      const cleaned = clean([node.name]).then((problems) => {
        problems.forEach(onProblem);
        return problems;
      });
      running.set(node.name, cleaned);
    },
    finish: async (node) => {
      await running.get(node.name);
      running.delete(node.name);
    },
    cleanRest: async () => {
      const rest = [...roster.values()].filter(
        (node) =>
          node.launched &&
          !node.clean &&
          // An agent that never said hello, and was given up for that, has made nothing.
          node.phase !== 'missing' &&
          !running.has(node.name) &&
          // One that a prolog starts makes nothing before it has said hello, and has its epilog.
          !(options.allocation.attached !== undefined && node.hello === undefined),
      );
      const all = await Promise.all([...running.values(), clean(rest.map(({ name }) => name))]);
      return all.flat();
    },
  };
}
