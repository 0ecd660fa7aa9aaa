import { describe, expect, it } from 'vitest';
import { formatDuration } from '../../src/events/format.ts';
import { createEventLog } from '../../src/events/log.ts';
import { summarize } from '../../src/events/summarize.ts';
import { summaryLines } from '../../src/events/summary-table.ts';
import { bringUp } from './bring-up.ts';

describe('the summary', () => {
  it('has the lead by itself, and p50, p95, max and the slowest of the workers', () => {
    const { timings } = summarize(bringUp({ nodes: 21 }));
    const joins = timings.filter(({ step }) => step === 'join');
    // Workers n2 to n21 took 1110, 1120 … 1300 ms: p50 lies between 1200 and 1210, p95 a twentieth past 1290.
    expect(joins).toEqual([
      { step: 'join', role: 'worker', count: 20, p50: 1205, p95: 1291, max: 1300, slowest: 'n21' },
    ]);
    expect(timings.filter(({ step }) => step === 'init')).toEqual([
      { step: 'init', role: 'lead', count: 1, p50: 8000, p95: 8000, max: 8000, slowest: 'n1' },
    ]);
    expect(timings.map(({ step, role }) => `${step} ${role}`).slice(0, 3)).toEqual([
      'stage lead',
      'stage worker',
      'up lead',
    ]);
  });

  it('says until when it took to be usable, who is ready and who is missing', () => {
    const { wallMs, ready, missing } = summarize(bringUp({ nodes: 4, failing: ['n3'] }));
    expect([wallMs, ready, missing]).toEqual([13_140, ['n1', 'n2', 'n4'], ['n3']]);
  });

  it('does not count a node that was ready and is lost', () => {
    const log = createEventLog();
    bringUp({ nodes: 2 }).forEach(({ seq, time, at, ...body }) => void log.emit(body));
    log.emit({ type: 'node', node: 'n2', phase: 'lost' });
    expect(summarize(log.events())).toMatchObject({ ready: ['n1'], missing: ['n2'] });
  });

  it('is a table in seconds', () => {
    const lines = summaryLines(summarize(bringUp({ nodes: 4, failing: ['n3'] })));
    expect(lines).toEqual([
      'step                      on         p50 s  p95 s  max s  slowest',
      'stage the release         lead                       0.2',
      'stage the release         3 workers    0.2    0.2    0.2  n2',
      'start the node            lead                       1.0',
      'start the node            3 workers    1.0    1.0    1.0  n2',
      'wait for containerd       lead                       0.6',
      'wait for containerd       3 workers    0.6    0.6    0.6  n2',
      'kubeadm init              lead                       8.0',
      'publish the join record   lead                       0.1',
      'wait for the join record  3 workers    8.1    8.1    8.1  n2',
      'kubeadm join              2 workers    1.1    1.1    1.1  n4',
      '3 of 4 nodes ready in 13.1 s',
      'missing: n3',
    ]);
  });

  it('of nothing is empty', () => {
    expect(summarize([])).toEqual({ wallMs: 0, ready: [], missing: [], timings: [] });
  });
});

describe('a duration for people', () => {
  it.each([
    [0, '0.0 s'],
    [1149, '1.1 s'],
    [59_940, '59.9 s'],
    [59_960, '1m 00s'],
    [192_000, '3m 12s'],
    [3_599_600, '1h 00m'],
    [3_720_000, '1h 02m'],
  ])('of %d ms is %s', (ms, text) => {
    expect(formatDuration(ms)).toBe(text);
  });
});
