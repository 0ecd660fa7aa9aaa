/** Agents as children on this machine, one for each made-up node. */
import { setPriority } from 'node:os';
import { startLines } from '../process/start.ts';
import type { Launcher } from './launcher.ts';

const WORKER_NICE = 5;

export const localLauncher: Launcher = {
  kind: 'local',
  start: ({ nodes, argv, env, onLine, onDiagnostic, onExit }) => {
    const children = nodes.map((node) => {
      const child = startLines([...argv, '--node', node], {
        env,
        onLine,
        onErrorLine: (line) => onDiagnostic(`${node}: ${line}`),
      });
      // The lead's steps are the longest chain: on one host the workers, which wait for it, leave it the CPU.
      if (node !== nodes[0] && child.pid !== undefined) {
        setPriority(child.pid, WORKER_NICE);
      }
      void child.ended.then((end) => onExit([node], end.reason));
      return child;
    });
    return {
      nodes,
      send: (line) => children.map((child) => child.send(line)).some((sent) => sent),
      endInput: () => children.forEach((child) => void child.endInput()),
      terminate: async (graceMs) => {
        await Promise.all(children.map((child) => child.terminate(graceMs)));
      },
      ended: Promise.all(children.map((child) => child.ended)).then((ends) => ({
        reason: ends.map((end) => end.reason).join(', '),
      })),
    };
  },
};
