import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createTurns } from '../../src/supervisor/turns.ts';

describe('the window of joins', () => {
  it('lets so many in at a time, in the order of asking', () => {
    const granted: string[] = [];
    const window = createTurns(2, (node) => granted.push(node));
    for (const node of ['a', 'b', 'c', 'd']) {
      window.request(node);
    }
    expect(granted).toEqual(['a', 'b']);
    window.finish('b');
    expect(granted).toEqual(['a', 'b', 'c']);
    window.finish('a');
    expect(granted).toEqual(['a', 'b', 'c', 'd']);
  });

  it('passes by a node that was lost while it waited', () => {
    const granted: string[] = [];
    const window = createTurns(1, (node) => granted.push(node));
    for (const node of ['a', 'dead', 'c']) {
      window.request(node);
    }
    window.finish('dead');
    window.finish('a');
    expect(granted).toEqual(['a', 'c']);
  });

  it('lets a node in again that tries again', () => {
    const granted: string[] = [];
    const window = createTurns(1, (node) => granted.push(node));
    window.request('a');
    window.finish('a');
    window.request('a');
    expect(granted).toEqual(['a', 'a']);
  });

  it('lets everybody in who stays, never more at once than it may, whoever is lost or ends twice', () => {
    const action = fc.record({ node: fc.nat(5).map(String), what: fc.constantFrom('want', 'over') });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 3 }), fc.array(action, { maxLength: 60 }), (size, actions) => {
        const wanting = new Set<string>();
        const inside = new Set<string>();
        const window = createTurns(size, (node) => {
          inside.add(node);
          expect(inside.size).toBeLessThanOrEqual(size);
          expect(wanting).toContain(node);
        });
        for (const { node, what } of actions) {
          if (what === 'want' && !wanting.has(node)) {
            wanting.add(node);
            window.request(node);
          } else if (what === 'over') {
            wanting.delete(node);
            inside.delete(node);
            window.finish(node);
          }
        }
        for (const node of [...wanting]) {
          expect(inside.size).toBe(Math.min(size, wanting.size));
          const first = [...inside][0] ?? node;
          wanting.delete(first);
          inside.delete(first);
          window.finish(first);
        }
        expect(wanting.size).toBe(0);
      }),
    );
  });
});
