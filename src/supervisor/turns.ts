/** How many nodes run `kubeadm join` at the same time: three hundred at once have broken a control plane. */

export type Turns = { request: (node: string) => void; finish: (node: string) => void };

/**
 * Calls `grant` for each node that wants to join, in the order of asking, for at most `size` at a time, until each is
 * over. A node that is over before its turn, because it was lost, is passed by.
 */
export function createTurns(size: number, grant: (node: string) => void): Turns {
  const waiting = new Set<string>();
  const joining = new Set<string>();
  const proceed = () => {
    for (const node of waiting) {
      if (joining.size >= size) {
        return;
      }
      waiting.delete(node);
      joining.add(node);
      grant(node);
    }
  };
  return {
    request: (node) => {
      joining.delete(node); // asked again without an end of the first: its agent is another one
      waiting.add(node);
      proceed();
    },
    finish: (node) => {
      waiting.delete(node);
      joining.delete(node);
      proceed();
    },
  };
}
