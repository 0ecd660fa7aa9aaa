/** Agents as children on this machine, one for each made-up node. */
import { availableParallelism } from 'node:os';
import pLimit from 'p-limit';
import { type LinesChild, startLines } from '../process/start.ts';
import { tryByHand } from '../scheduler/launch-failure.ts';
import { isAddressed, type Launcher, type LaunchRequest, withNode } from '../scheduler/launcher.ts';

// One that says nothing for so long does not hold up the others.
const FIRST_WORD_MS = 2000;

/**
 * The first agent is the lead's, whose steps are the longest chain: it has the machine to itself until it greets. The others
 * wait for it anyway, and leave it one of the CPUs.
 */
export const localLauncher: Launcher = {
  remedy: tryByHand('hostname'),
  start: (request) => {
    const { nodes } = request;
    const startable = pLimit(Math.max(1, availableParallelism() - 1));
    const children = nodes.map((node) => createLateChild(node, request));
    const [lead, ...workers] = children;
    void lead?.start().then(() => {
      for (const worker of workers) {
        void startable(worker.start);
      }
    });
    return {
      nodes,
      send: (line, to) =>
        children
          .filter(({ node }) => isAddressed(node, to))
          .map((child) => child.send(line))
          .some((sent) => sent),
      endInput: () => children.forEach((child) => void child.endInput()),
      terminate: async (graceMs) => {
        await Promise.all(children.map((child) => child.terminate(graceMs)));
      },
      ended: Promise.all(children.map((child) => child.ended)).then((ends) => ({
        reason: ends.join(', '),
      })),
    };
  },
};

type LateChild = Pick<LinesChild, 'send' | 'endInput' | 'terminate'> & {
  node: string;
  /** Resolves when it has said something, or ended. */
  start: () => Promise<void>;
  ended: Promise<string>;
};

/** A child that can be written to before it is started. */
function createLateChild(
  node: string,
  { argv, env, onLine, onDiagnostic, onExit }: LaunchRequest,
): LateChild {
  let child: LinesChild | undefined;
  let backlog: string[] | undefined = [];
  let over = (_reason: string) => {};
  const ended = new Promise<string>((resolve) => {
    over = resolve;
  });
  const neverStarted = () => {
    backlog = undefined;
    over('was not started');
  };
  return {
    node,
    ended,
    start: () =>
      new Promise((resolve) => {
        const waiting = backlog;
        if (waiting === undefined) {
          resolve(); // told to end before its turn came
          return;
        }
        const patience = setTimeout(resolve, FIRST_WORD_MS).unref();
        const spoken = () => {
          clearTimeout(patience);
          resolve();
        };
        const started = startLines(withNode(argv, node), {
          env,
          onLine: (line) => {
            spoken();
            onLine(line);
          },
          onErrorLine: (line) => onDiagnostic(`${node}: ${line}`),
        });
        child = started;
        waiting.forEach((line) => void started.send(line));
        backlog = undefined;
        void started.ended.then(({ reason }) => {
          spoken();
          onExit([node], reason);
          over(reason);
        });
      }),
    send: (line) => {
      backlog?.push(line);
      return child?.send(line) ?? backlog !== undefined;
    },
    endInput: () => (child === undefined ? neverStarted() : child.endInput()),
    terminate: async (graceMs) => {
      await (child === undefined ? neverStarted() : child.terminate(graceMs));
    },
  };
}
