import { describe, expect, it } from 'vitest';
import { createEventLog } from '../../src/events/log.ts';
import type { EventBody, UnetEvent } from '../../src/events/types.ts';

const plan: EventBody = {
  type: 'plan',
  lead: 'n1',
  nodes: ['n1'],
  release: 'rehearsal',
  jobId: 'local-default',
  allocation: 'local',
  logs: '/logs',
};

function messages(events: readonly UnetEvent[]): string[] {
  return events.map((event) => ('message' in event ? (event.message ?? event.type) : event.type));
}

describe('the event log', () => {
  it('numbers events and gives them the time since it began', () => {
    let clock = Date.UTC(2025, 0, 1);
    const log = createEventLog({ now: () => clock });
    clock += 1500;
    const event = log.emit({ type: 'cluster', phase: 'bringing-up' });
    expect(event).toEqual({
      type: 'cluster',
      phase: 'bringing-up',
      seq: 1,
      at: 1500,
      time: '2025-01-01T00:00:01.500Z',
    });
    expect(log.emit({ type: 'warning', message: 'a' }).seq).toBe(2);
  });

  it('gives a late follower what was before, then what comes, each once', () => {
    const log = createEventLog();
    log.emit({ type: 'warning', message: 'a' });
    log.emit({ type: 'warning', message: 'b' });
    const seen: UnetEvent[] = [];
    const resumed: UnetEvent[] = [];
    const stop = log.subscribe((event) => seen.push(event));
    log.subscribe((event) => resumed.push(event), { afterSeq: 1 });
    log.emit({ type: 'warning', message: 'c' });
    stop();
    log.emit({ type: 'warning', message: 'd' });
    expect(messages(seen)).toEqual(['a', 'b', 'c']);
    expect(messages(resumed)).toEqual(['b', 'c', 'd']);
  });

  it('keeps the order for everybody when a follower says something itself', () => {
    const log = createEventLog();
    const seen: UnetEvent[] = [];
    log.subscribe((event) => {
      if (event.seq === 1) {
        log.emit({ type: 'warning', message: 'answer' });
      }
    });
    log.subscribe((event) => seen.push(event));
    log.emit({ type: 'warning', message: 'question' });
    expect(messages(seen)).toEqual(['question', 'answer']);
  });

  it('drops a follower that throws, and serves the others', () => {
    const log = createEventLog();
    const seen: UnetEvent[] = [];
    let calls = 0;
    log.subscribe(() => {
      calls += 1;
      throw new Error('broken pipe');
    });
    log.subscribe((event) => seen.push(event));
    log.emit({ type: 'warning', message: 'a' });
    log.emit({ type: 'warning', message: 'b' });
    expect(messages(seen)).toEqual(['a', 'b']);
    expect(calls).toBe(1);
  });

  it('stays bounded, and keeps what a late follower needs most', () => {
    const log = createEventLog({ keep: 100 });
    log.emit(plan);
    log.emit({ type: 'node', node: 'n1', phase: 'ready' });
    for (let index = 0; index < 10_000; index += 1) {
      log.emit({ type: 'warning', message: `w${index}` });
    }
    expect(log.events().length).toBeLessThanOrEqual(100);
    expect(messages(log.events()).slice(0, 2)).toEqual(['plan', 'node']);
    expect(messages(log.events()).at(-1)).toBe('w9999');
    for (let index = 0; index < 10_000; index += 1) {
      log.emit({ type: 'node', node: 'n1', phase: 'lost', message: `p${index}` });
    }
    expect(log.events().length).toBeLessThanOrEqual(100);
    expect(messages(log.events())[0]).toBe('plan');
    expect(messages(log.events()).at(-1)).toBe('p9999');
  });
});
