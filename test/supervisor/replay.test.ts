import { expect, it } from 'vitest';
import { createEventLog } from '../../src/events/log.ts';
import { summarize } from '../../src/events/summarize.ts';
import type { EventBody, UnetEvent } from '../../src/events/types.ts';
import { lastBringUp, replay } from '../../src/supervisor/replay.ts';

function events(): UnetEvent[] {
  const log = createEventLog();
  const done = (node: string, ms: number): EventBody => ({
    type: 'step',
    node,
    step: 'boot',
    state: 'done',
    ms,
  });
  const bodies: EventBody[] = [
    {
      type: 'plan',
      ...{ lead: 'n0', nodes: ['n0', 'n1'], release: 'r', jobId: 'j', allocation: 'a', logs: '/logs' },
    },
    { type: 'cluster', phase: 'bringing-up' },
    done('n0', 1000),
    done('n1', 9000),
    { type: 'node', node: 'n0', phase: 'ready' },
    { type: 'node', node: 'n1', phase: 'failed' },
    { type: 'cluster', phase: 'degraded' },
    { type: 'cluster', phase: 'bringing-up', message: 'trying again: n1' },
    { type: 'node', node: 'n1', phase: 'working' },
    done('n1', 2000),
  ];
  bodies.forEach((body) => void log.emit(body));
  return [...log.events()];
}

it('of a bring-up that tries again has the nodes that are Ready already, and nothing of the earlier try', () => {
  const shown = replay(events(), 'bringing-up').events.map((event) =>
    event.type === 'node' || event.type === 'step' ? `${event.node} ${event.type}` : event.type,
  );
  expect(shown).toEqual(['plan', 'n0 node', 'cluster', 'n1 node', 'n1 step']);
});

it('is measured without the times of the earlier try', () => {
  const { timings } = summarize(lastBringUp(events()));
  expect(timings.map(({ role, count, max }) => [role, count, max])).toEqual([['worker', 1, 2000]]);
});
