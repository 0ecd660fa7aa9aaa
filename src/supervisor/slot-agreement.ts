/**
 * One slot of ports for all nodes: flannel's port must be the same everywhere. Each agent holds the first slot that is
 * free on its node; when these differ the highest of them is proposed to all, and then others, until all hold the same.
 */
import { SLOTS } from '../node/slots.ts';

export type SlotAgreementOptions = {
  /** Broadcasts a proposal: who cannot have that slot takes another one that is free and says so. */
  propose: (slot: number, round: number) => void;
  /** Called once with the slot. */
  onAgreed: (slot: number) => void;
  /** Every slot was proposed, and each was taken somewhere. */
  onNone: () => void;
  /** From 0 up to 1, as Math.random. */
  random?: () => number;
};

export function createSlotAgreement({
  propose,
  onAgreed,
  onNone,
  random = Math.random,
}: SlotAgreementOptions) {
  const held = new Map<string, number>();
  let expected: ReadonlySet<string> = new Set();
  let agreedSlot: number | undefined;
  let round = 0;
  let over = false;
  let untried = Array.from({ length: SLOTS }, (_, slot) => slot);

  /**
   * The first time the highest, since that is free where it is held and the nodes below may have it too. Then at random:
   * clusters that start at the same time on the same nodes would chase each other up to the last slot.
   */
  const nextProposal = (highest: number): number | undefined =>
    round === 0 ? highest : untried[Math.floor(random() * untried.length)];

  const consider = () => {
    const slots = [...expected].map((node) => held.get(node));
    if (over || expected.size === 0 || slots.some((slot) => slot === undefined)) {
      return;
    }
    const highest = Math.max(...slots.map((slot) => slot ?? 0));
    if (slots.every((slot) => slot === highest)) {
      over = true;
      agreedSlot = highest;
      onAgreed(highest);
      return;
    }
    const proposal = nextProposal(highest);
    if (proposal === undefined) {
      over = true;
      onNone();
      return;
    }
    untried = untried.filter((slot) => slot !== proposal);
    round += 1;
    for (const node of expected) {
      held.delete(node);
    }
    propose(proposal, round);
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
