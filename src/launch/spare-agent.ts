/**
 * The first agent of this machine, started while it is not yet known whether it is wanted: a Node of its own takes as long to start as
 * the supervisor's. It is an agent like any other, with the arguments that it will most likely have, and waits for its spec.
 */
import { isDeepStrictEqual } from 'node:util';
import { localAllocation } from '../allocation/local.ts';
import { childEnvironment, type Environment } from '../process/environment.ts';
import { handedOn } from '../process/handed-on.ts';
import { type PipedChild, startPiped } from '../process/start.ts';
import { agentArgv, withNode } from './launcher.ts';

type SpareAgent = { argv: readonly string[]; env: Environment; child: PipedChild };

const spareAgent = handedOn<SpareAgent>('spare-agent');

/** Starts one for the lead of this machine's cluster of that name. */
export function startSpareAgent(name: string, env: NodeJS.ProcessEnv): void {
  const { jobId, self = '' } = localAllocation(name, 1);
  const argv = withNode(agentArgv(jobId), self);
  const own = childEnvironment(env);
  try {
    spareAgent.leave({ argv, env: own, child: startPiped(argv, { env: own }) });
  } catch {
    // The launcher tries again, and says why it cannot be had.
  }
}

/** The one that was started, if it is what `argv` would start; another is let go: the end of its input ends it. */
export function takeSpareAgent(argv: readonly string[], env: Environment): PipedChild | undefined {
  const spare = spareAgent.take();
  if (spare === undefined) {
    return undefined;
  }
  if (!isDeepStrictEqual({ argv: spare.argv, env: spare.env }, { argv, env }) || spare.child.ended()) {
    spare.child.process.stdin.end();
    return undefined;
  }
  return spare.child;
}
