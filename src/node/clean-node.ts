/** The one way in which a node is cleaned: by its agent at its end, by another agent, by an epilog. */
import { UnetError } from '../errors.ts';
import { childEnvironment } from '../process/environment.ts';
import type { JobSpec } from '../protocol/to-agents.ts';
import { type AgentProcess, endAgent } from './end-agent.ts';
import { prepare } from './prepare.ts';
import { teardown } from './teardown.ts';

const TRIES = 2;

export type NodePlace = { directory: string; root: string };

/** Tears down, twice if need be; resolves with what could not be removed; undefined: nothing is left. Never throws. */
export async function cleanPlace(
  { directory, root }: NodePlace,
  options: { env: NodeJS.ProcessEnv; timeoutMs: number; node: string; onLine: (line: string) => void },
): Promise<UnetError | undefined> {
  let problem: UnetError | undefined;
  for (let attempt = 0; attempt < TRIES; attempt += 1) {
    try {
      const { timeoutMs, onLine } = options;
      await teardown({ directory, root, env: childEnvironment(options.env), timeoutMs, onLine });
      return undefined;
    } catch (error) {
      problem = UnetError.from(error).with({ node: options.node, step: 'down' });
      options.onLine(problem.message);
    }
  }
  return problem;
}

/**
 * Ends an agent of the node that still lives, and removes what it has made.
 *
 * @param spec in mode `clean`. @param agent where it is known.
 * @throws UnetError saying what is left.
 */
export async function cleanNode(
  spec: JobSpec,
  {
    node,
    agent,
    env,
    timeoutMs,
  }: { node: string; agent: AgentProcess | undefined; env: NodeJS.ProcessEnv; timeoutMs: number },
): Promise<void> {
  await endAgent(agent, timeoutMs);
  const { directory, root, problem } = await prepare(spec, node, env);
  const left = problem ?? (await cleanPlace({ directory, root }, { env, timeoutMs, node, onLine: () => {} }));
  if (left !== undefined) {
    throw left;
  }
}

/**
 * Cleans nodes that are this host, with no launcher: that of a job which is over starts nothing, and here none is needed. Resolves with
 * what could not be removed.
 *
 * @param spec of the job, in any mode.
 */
export async function cleanOwnHost({
  spec,
  nodes,
  env,
  timeoutMs,
  onClean,
}: {
  spec: JobSpec;
  nodes: readonly string[];
  env: NodeJS.ProcessEnv;
  timeoutMs: number;
  onClean: (node: string) => void;
}): Promise<UnetError[]> {
  const cleaned = await Promise.all(
    nodes.map(async (node) => {
      try {
        await cleanNode({ ...spec, mode: 'clean' }, { node, agent: undefined, env, timeoutMs });
        onClean(node);
        return [];
      } catch (error) {
        return [UnetError.from(error).with({ node })];
      }
    }),
  );
  return cleaned.flat();
}
