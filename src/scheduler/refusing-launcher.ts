/** Where no agent can be started: each start is an end, with the reason. */
import type { Launcher } from './launcher.ts';

export function refusingLauncher(reason: string): Launcher {
  return {
    remedy: 'start the cluster again with "unet up" in an allocation of its own',
    start: ({ nodes, onExit }) => {
      queueMicrotask(() => onExit(nodes, reason));
      return {
        nodes,
        send: () => false,
        endInput: () => {},
        terminate: async () => {},
        ended: Promise.resolve({ reason }),
      };
    },
  };
}
