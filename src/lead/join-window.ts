/** How many nodes run `kubeadm join` at the same time: three hundred at once have broken a control plane. */
import pLimit from 'p-limit';

export type JoinWindow = { want: (node: string) => void; over: (node: string) => void };

/** Calls `grant` for each node that wants to join, for at most `size` at a time, until each is over. */
export function createJoinWindow(size: number, grant: (node: string) => void): JoinWindow {
  const limit = pLimit(size);
  const finish = new Map<string, () => void>();
  return {
    want: (node) => {
      void limit(
        () =>
          new Promise<void>((resolve) => {
            finish.set(node, resolve);
            grant(node);
          }),
      );
    },
    over: (node) => {
      finish.get(node)?.();
      finish.delete(node);
    },
  };
}
