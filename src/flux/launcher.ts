/** Agents by flux exec, one for each rank: so each is told its name, is heard of when it ends, and takes no other along. */

import { type LinesChild, startLines } from '../process/start.ts';
import { tryByHand } from '../scheduler/launch-failure.ts';
import {
  type AgentFate,
  isAddressed,
  type Launcher,
  type LaunchRequest,
  withNode,
} from '../scheduler/launcher.ts';
import { describeExit, fluxExecArgv, NO_HOST, parseComplaint } from './exec.ts';
import type { FluxOptions } from './flux.ts';
import { isEnding, wasShutDown } from './instance.ts';

const UPTIME_TIMEOUT_MS = 2000;

export type FluxExecOptions = {
  /** Of the broker. */
  uri: string;
  /** Names of the instance's nodes; the place is the rank. */
  ranks: readonly string[];
  /**
   * The node on which this process runs: its agent is a child. The broker would kill it at the instance's end, and could
   * not start another one to clean then.
   */
  self?: string | undefined;
};

/** One flux exec for all ranks would say only at its end which of them has ended, and how by the largest code alone. */
export function fluxExecLauncher({ uri, ranks, self }: FluxExecOptions): Launcher {
  return {
    remedy: tryByHand('flux exec hostname'),
    start: (request) => {
      const own = { ...request, env: { ...request.env, FLUX_URI: uri } };
      const children = request.nodes.map((node) =>
        node === self ? startChild(node, own) : startRemote(node, ranks.indexOf(node), own),
      );
      return {
        nodes: request.nodes,
        send: (line, to) =>
          children
            .filter((_, index) => isAddressed(request.nodes[index], to))
            .map((child) => child.send(line))
            .some((sent) => sent),
        endInput: () => children.forEach((child) => void child.endInput()),
        // flux exec passes the SIGTERM on, so that an agent which still lives takes its node down.
        terminate: async (graceMs) => {
          await Promise.all(children.map((child) => child.terminate(graceMs)));
        },
        ended: Promise.all(children.map((child) => child.ended)).then((ends) => ({
          reason: ends.map(({ reason }) => reason).join(', '),
        })),
      };
    },
  };
}

function startChild(node: string, { argv, env, onLine, onDiagnostic, onExit }: LaunchRequest): LinesChild {
  const child = startLines(withNode(argv, node), {
    env,
    onLine,
    onErrorLine: (line) => onDiagnostic(`${node}: ${line}`),
  });
  void child.ended.then(({ reason }) => onExit([node], reason));
  return child;
}

function startRemote(
  node: string,
  rank: number,
  { argv, env, onLine, onDiagnostic, onExit }: LaunchRequest,
): LinesChild {
  let lastWords: string | undefined;
  const child = startLines(fluxExecArgv(rank, withNode(argv, node)), {
    env,
    onLine: (line) => onDiagnostic(`${node}: ${line}`),
    // The agent's stdout and stderr both come here; whoever reads the lines knows its messages from the rest.
    onErrorLine: (line) => {
      const complaint = parseComplaint(line);
      lastWords = complaint ?? lastWords;
      if (complaint === undefined && line.startsWith('{')) {
        onLine(line);
      } else {
        onDiagnostic(`${node}: ${line}`);
      }
    },
  });
  const ended = child.ended.then(async (end) => {
    const { exitCode, reason } = end;
    const why = exitCode === undefined ? `flux exec ${reason}` : describeExit(exitCode, lastWords);
    onExit([node], why, await fateOf(exitCode, rank, { env, timeoutMs: UPTIME_TIMEOUT_MS }));
    return { ...end, reason: `${node} ${why}` };
  });
  return { ...child, ended };
}

/**
 * A time limit, a cancel or a signal before the limit goes to all brokers at once: theirs end, with a SIGTERM to the agents,
 * before ours does, which waits for the script.
 */
async function fateOf(exitCode: number | undefined, rank: number, options: FluxOptions): Promise<AgentFate> {
  if (exitCode === undefined || exitCode === 0) {
    return undefined;
  }
  try {
    const ends = await isEnding(options);
    if (exitCode !== NO_HOST) {
      return undefined;
    }
    return ends ? 'allocation' : (await wasShutDown(rank, options)) ? 'node' : undefined;
  } catch {
    // Our own broker was killed: flux exec exits with 1, and nobody answers any more.
    return 'allocation';
  }
}
