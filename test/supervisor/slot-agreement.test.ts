import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SLOTS } from '../../src/node/slots.ts';
import { createSlotAgreement } from '../../src/supervisor/slot-agreement.ts';

/** The slots of one node, each held by one agent or by somebody else. */
function createNode(busy: ReadonlySet<number> = new Set()) {
  const taken = new Set(busy);
  /** As claimSlot of the agent: the first free one from there on, at last those below. */
  const firstFree = (from: number) =>
    Array.from({ length: SLOTS }, (_, step) => (from + step) % SLOTS).find((slot) => !taken.has(slot));
  return {
    agent: () => {
      let held = firstFree(0) ?? -1;
      taken.add(held);
      return {
        held: () => held,
        claim: (slot: number) => {
          const next = held === slot ? held : (firstFree(slot) ?? held);
          taken.delete(held);
          taken.add(next);
          held = next;
          return held;
        },
      };
    },
  };
}

/** One cluster's agents and agreement; its messages wait in queues, each pair's in order. */
function createCluster(nodes: readonly ReturnType<typeof createNode>[], random: () => number) {
  const agents = nodes.map((node) => node.agent());
  const toAgent = agents.map(() => [] as number[]);
  const answers = agents.map(() => [] as number[]);
  const gone = new Set<number>();
  const outcome: { agreed?: number; none?: boolean; proposals: number } = { proposals: 0 };
  const agreement = createSlotAgreement({
    propose: (slot) => {
      outcome.proposals += 1;
      toAgent.forEach((queue) => void queue.push(slot));
    },
    onAgreed: (slot) => {
      outcome.agreed = slot;
    },
    onNone: () => {
      outcome.none = true;
    },
    random,
  });
  const leave = (index: number) => {
    gone.add(index);
    agreement.leave(String(index));
  };
  const hears = (index: number, slot: number) =>
    slot < 0 ? leave(index) : agreement.holds(String(index), slot);
  return {
    agents,
    gone,
    outcome,
    start: () => {
      agents.forEach((agent, index) => void hears(index, agent.held()));
      agreement.start(agents.flatMap((_, index) => (gone.has(index) ? [] : [String(index)])));
    },
    /** What may happen next. */
    moves: (dies: ReadonlySet<number>) =>
      agents.flatMap((agent, index) => {
        const queue = toAgent[index] ?? [];
        const answered = answers[index] ?? [];
        return gone.has(index)
          ? []
          : [
              ...(queue.length > 0 ? [() => void answered.push(agent.claim(queue.shift() ?? 0))] : []),
              ...(answered.length > 0 ? [() => hears(index, answered.shift() ?? -1)] : []),
              ...(dies.has(index) ? [() => leave(index)] : []),
            ];
      }),
  };
}

/** Runs them to their end, with messages that take as long as `random` says. */
function negotiate(
  clusters: readonly ReturnType<typeof createCluster>[],
  random: () => number,
  dies: ReadonlySet<number> = new Set(),
) {
  for (const cluster of clusters) {
    cluster.start();
  }
  for (;;) {
    const moves = clusters.flatMap((cluster) => cluster.moves(dies));
    if (moves.length === 0) {
      return;
    }
    moves[Math.floor(random() * moves.length)]?.();
  }
}

const busySets = fc.array(
  fc.uniqueArray(fc.nat(SLOTS - 1), { maxLength: SLOTS }).map((slots) => new Set(slots)),
  { minLength: 1, maxLength: 6 },
);
const chances = fc.infiniteStream(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }));
const next = (stream: Iterator<number>) => () => stream.next().value ?? 0;

describe('the slot of ports for all nodes', () => {
  it('is one that is free everywhere, if there is one, however the answers are mixed', () => {
    fc.assert(
      fc.property(busySets, chances, (busy, stream) => {
        const common = Array.from({ length: SLOTS }, (_, slot) => slot).filter((slot) =>
          busy.every((taken) => !taken.has(slot)),
        );
        const cluster = createCluster(
          busy.map((taken) => createNode(taken)),
          next(stream),
        );
        negotiate([cluster], next(stream));
        const { agents, gone, outcome } = cluster;
        if (common.length > 0) {
          expect(common).toContain(outcome.agreed);
          expect(agents.map((agent) => agent.held())).toEqual(busy.map(() => outcome.agreed));
        } else {
          // Somebody has none left, says so and leaves; or all were tried.
          expect(gone.size > 0 || outcome.none).toBe(true);
        }
        expect(outcome.proposals).toBeLessThanOrEqual(SLOTS);
      }),
    );
  });

  it('is upstream’s own where nobody else is, and the next one on all nodes beside one that has that on some', () => {
    for (const [busy, agreed] of [
      [[new Set<number>(), new Set<number>()], 0],
      [[new Set<number>(), new Set([0])], 1],
    ] as const) {
      const cluster = createCluster(
        busy.map((taken) => createNode(taken)),
        () => 0.5,
      );
      negotiate([cluster], () => 0);
      expect(cluster.outcome.agreed).toBe(agreed);
    }
  });

  it('is another one for each of several clusters that start at the same time on the same nodes', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 2, max: 8 }),
        fc.integer({ min: 1, max: 16 }),
        chances,
        (howMany, size, stream) => {
          const nodes = Array.from({ length: size }, () => createNode());
          const clusters = Array.from({ length: howMany }, () => createCluster(nodes, next(stream)));
          negotiate(clusters, next(stream));
          const agreed = clusters.map(({ outcome }) => outcome.agreed);
          expect(agreed).not.toContain(undefined);
          expect(new Set(agreed).size).toBe(howMany);
        },
      ),
    );
  });

  it('is agreed on by those who stay when others die meanwhile', () => {
    fc.assert(
      fc.property(
        busySets,
        fc.uniqueArray(fc.nat(5)).map((list) => new Set(list)),
        chances,
        (busy, dies, stream) => {
          const cluster = createCluster(
            busy.map((taken) => createNode(taken)),
            next(stream),
          );
          negotiate([cluster], next(stream), dies);
          const { agents, gone, outcome } = cluster;
          const staying = agents.filter((_, index) => !gone.has(index));
          if (staying.length > 0 && outcome.none !== true) {
            expect(outcome.agreed).toBeDefined();
            expect(staying.map((agent) => agent.held())).toEqual(staying.map(() => outcome.agreed));
          }
        },
      ),
    );
  });

  it('is told once', () => {
    const agreed: number[] = [];
    const agreement = createSlotAgreement({
      propose: () => {},
      onAgreed: (slot) => agreed.push(slot),
      onNone: () => {},
    });
    agreement.holds('a', 3);
    agreement.start(['a']);
    agreement.holds('a', 3);
    agreement.leave('a');
    expect(agreed).toEqual([3]);
    expect(agreement.agreed()).toBe(3);
  });
});
