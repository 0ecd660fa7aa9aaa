import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createSlotAgreement } from '../../src/lead/slot-agreement.ts';

const SLOTS = 12;

/** An agent: holds the first free slot at or after the proposed one, below zero when none is left. */
function createAgent(busy: ReadonlySet<number>) {
  const firstFree = (from: number) => {
    for (let slot = from; slot < SLOTS; slot += 1) {
      if (!busy.has(slot)) {
        return slot;
      }
    }
    return -1;
  };
  let held = firstFree(0);
  return {
    held: () => held,
    claim: (slot: number) => {
      held = held === slot ? held : firstFree(slot);
      return held;
    },
  };
}

/** All agents and the agreement, with messages that take as long as `random` says; each pair's stay in order. */
function negotiate(
  busy: readonly ReadonlySet<number>[],
  random: () => number,
  dies: ReadonlySet<number> = new Set(),
) {
  const agents = busy.map(createAgent);
  const toAgent = agents.map(() => [] as number[]);
  const answers = agents.map(() => [] as number[]);
  const gone = new Set<number>();
  let agreed: number | undefined;
  let proposals = 0;
  const agreement = createSlotAgreement(
    (slot) => {
      proposals += 1;
      toAgent.forEach((queue) => void queue.push(slot));
    },
    (slot) => {
      agreed = slot;
    },
  );
  const leave = (index: number) => {
    gone.add(index);
    agreement.leave(String(index));
  };
  const hears = (index: number, slot: number) =>
    slot < 0 ? leave(index) : agreement.holds(String(index), slot);
  agents.forEach((agent, index) => void hears(index, agent.held()));
  agreement.start(agents.flatMap((_, index) => (gone.has(index) ? [] : [String(index)])));
  for (;;) {
    const moves = agents.flatMap((agent, index) => {
      const queue = toAgent[index] ?? [];
      const answered = answers[index] ?? [];
      return gone.has(index)
        ? []
        : [
            ...(queue.length > 0 ? [() => void answered.push(agent.claim(queue.shift() ?? 0))] : []),
            ...(answered.length > 0 ? [() => hears(index, answered.shift() ?? -1)] : []),
            ...(dies.has(index) ? [() => leave(index)] : []),
          ];
    });
    if (moves.length === 0) {
      return { agreed, agents, gone, proposals };
    }
    moves[random() % moves.length]?.();
  }
}

const busySets = fc.array(
  fc.uniqueArray(fc.nat(SLOTS - 1)).map((slots) => new Set(slots)),
  { minLength: 1, maxLength: 6 },
);

describe('the slot of ports for all nodes', () => {
  it('is the first that is free everywhere, however the answers are mixed', () => {
    fc.assert(
      fc.property(busySets, fc.infiniteStream(fc.nat()), (busy, random) => {
        const common = Array.from({ length: SLOTS }, (_, slot) => slot).find((slot) =>
          busy.every((taken) => !taken.has(slot)),
        );
        const { agreed, agents, gone, proposals } = negotiate(busy, () => random.next().value ?? 0);
        if (common !== undefined) {
          expect(agreed).toBe(common);
          expect(agents.map((agent) => agent.held())).toEqual(busy.map(() => common));
        } else {
          // Somebody has none left, says so and leaves.
          expect(gone.size).toBeGreaterThan(0);
        }
        expect(proposals).toBeLessThanOrEqual(SLOTS * busy.length);
      }),
    );
  });

  it('is agreed on by those who stay when others die meanwhile', () => {
    fc.assert(
      fc.property(
        busySets,
        fc.uniqueArray(fc.nat(5)).map((list) => new Set(list)),
        fc.infiniteStream(fc.nat()),
        (busy, dies, random) => {
          const { agreed, agents, gone } = negotiate(busy, () => random.next().value ?? 0, dies);
          const staying = agents.filter((_, index) => !gone.has(index));
          if (staying.length > 0) {
            expect(agreed).toBeDefined();
            expect(staying.map((agent) => agent.held())).toEqual(staying.map(() => agreed));
          }
        },
      ),
    );
  });

  it('is told once', () => {
    const agreed: number[] = [];
    const agreement = createSlotAgreement(
      () => {},
      (slot) => agreed.push(slot),
    );
    agreement.holds('a', 3);
    agreement.start(['a']);
    agreement.holds('a', 3);
    agreement.leave('a');
    expect(agreed).toEqual([3]);
    expect(agreement.agreed()).toBe(3);
  });
});
