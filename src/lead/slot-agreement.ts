/**
 * One slot of ports for all nodes: flannel's port must be the same everywhere. Each agent holds the first slot that is
 * free on its node; the highest of them is proposed to all, and again, until all hold the same.
 */
export type SlotAgreement = {
  /** An agent holds `slot` now; below zero: none was free there. */
  holds: (node: string, slot: number) => void;
  /** Nodes that greet later have to take the agreed slot. */
  agreed: () => number | undefined;
};

/** @param propose broadcasts a proposal. @param onAgreed called once with the slot and those who hold it. */
export function createSlotAgreement(
  propose: (slot: number, round: number) => void,
  onAgreed: (slot: number) => void,
) {
  const held = new Map<string, number>();
  let expected: ReadonlySet<string> = new Set();
  let agreedSlot: number | undefined;
  let round = 0;
  let proposed = -1;
  const consider = () => {
    const slots = [...expected].map((node) => held.get(node));
    if (agreedSlot !== undefined || expected.size === 0 || slots.some((slot) => slot === undefined)) {
      return;
    }
    const highest = Math.max(...slots.map((slot) => slot ?? 0));
    if (slots.every((slot) => slot === highest)) {
      agreedSlot = highest;
      onAgreed(highest);
      return;
    }
    if (highest > proposed || round === 0) {
      proposed = highest;
      round += 1;
      for (const node of expected) {
        held.delete(node);
      }
      propose(highest, round);
    }
  };
  return {
    /** From now on these nodes have to agree. */
    start: (nodes: Iterable<string>) => {
      expected = new Set(nodes);
      consider();
    },
    holds: (node: string, slot: number) => {
      held.set(node, slot);
      consider();
    },
    /** A node that is lost has no say any more. */
    leave: (node: string) => {
      expected = new Set([...expected].filter((name) => name !== node));
      consider();
    },
    agreed: () => agreedSlot,
    heldBy: (node: string) => held.get(node),
  };
}
