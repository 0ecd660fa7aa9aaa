/** Agents that only clean: for nodes whose own agent has died, and for a `down` with no supervisor. */
import { UnetError } from '../errors.ts';
import type { JobSpec } from '../protocol/to-agents.ts';
import { type AgentsOptions, startAgents } from './agents.ts';

export type CleanOptions = Pick<AgentsOptions, 'launcher' | 'nodes' | 'env' | 'onDiagnostic'> & {
  spec: JobSpec;
  /** Milliseconds for all of it. */
  timeoutMs: number;
  onClean: (node: string) => void;
  /** Whether anything may have been started there; one that cannot be reached otherwise is no problem. All, unless given. */
  isBegun?: (node: string) => boolean;
};

/** Removes what is left of the job on `nodes`; resolves with what could not be. */
export async function cleanNodes(options: CleanOptions): Promise<UnetError[]> {
  const { isBegun = () => true } = options;
  const waiting = new Set(options.nodes);
  const problems: UnetError[] = [];
  if (waiting.size === 0) {
    return problems;
  }
  await new Promise<void>((resolve) => {
    const settle = (node: string) => {
      waiting.delete(node);
      if (waiting.size === 0) {
        resolve();
      }
    };
    const giveUp = (node: string, why: string) => {
      if (isBegun(node)) {
        problems.push(notCleaned(node, why));
      }
      settle(node);
    };
    const agents = startAgents({
      ...options,
      jobId: options.spec.jobId,
      onMessage: (message) => {
        if (message.type === 'bye') {
          if (message.problem !== undefined) {
            problems.push(UnetError.fromRecord(message.problem));
          } else {
            options.onClean(message.node);
          }
          settle(message.node);
        }
      },
      // A moment's grace: the bye may still be in the pipe.
      onExit: (nodes = options.nodes, reason, fate) =>
        void setTimeout(
          () => nodes.forEach(fate === undefined ? (node) => settleUnclean(node, reason) : settle),
          200,
        ),
    });
    const settleUnclean = (node: string, reason: string) => {
      if (waiting.has(node)) {
        giveUp(node, `its cleaning agent ended: ${reason}`);
      }
    };
    const timer = setTimeout(() => {
      for (const node of [...waiting]) {
        giveUp(node, `it did not answer within ${options.timeoutMs / 1000} s`);
      }
      void agents.terminate(2000);
    }, options.timeoutMs);
    void agents.ended.then(() => clearTimeout(timer));
    agents.send({ ...options.spec, mode: 'clean' });
  });
  return problems;
}

function notCleaned(node: string, why: string): UnetError {
  return new UnetError('UNET_TEARDOWN_INCOMPLETE', `${node} could not be cleaned: ${why}`, {
    node,
    remedy:
      'if the node is up again, run "unet down" once more inside the allocation; a dead node has nothing left',
  });
}
