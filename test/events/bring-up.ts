/** A bring-up that never happened, as events with times: what the tests of renderers look at. */
import { createEventLog } from '../../src/events/log.ts';
import { summarize } from '../../src/events/summarize.ts';
import type { EventBody, UnetEvent } from '../../src/events/types.ts';
import type { StepName } from '../../src/steps.ts';

export const JOIN_ERROR = {
  code: 'UNET_JOIN_FAILED',
  message: 'kubeadm join exited with 1',
  node: 'n3',
  step: 'join',
  tail: ['[preflight] Running pre-flight checks', 'error: token abcdef.0123456789abcdef is not known'],
  log: '/jobs/slurm-42/logs/n3/join.log',
  remedy: 'see the log',
} as const;

export type BringUp = { nodes: number; failing?: readonly string[]; retrying?: readonly string[] };

/** The events of a bring-up of `nodes` nodes, n1 leads; each node is 10 ms slower than the one before. */
export function bringUp({ nodes, failing = [], retrying = [] }: BringUp): UnetEvent[] {
  const names = Array.from({ length: nodes }, (_, index) => `n${index + 1}`);
  const plan: [number, EventBody][] = [
    [0, { type: 'cluster', phase: 'bringing-up' }],
    [
      5,
      {
        type: 'plan',
        lead: 'n1',
        nodes: names,
        release: 'rehearsal',
        jobId: 'slurm-42',
        allocation: 'slurm',
        logs: '/jobs/slurm-42/logs',
      },
    ],
  ];
  const step = (node: string, name: StepName, from: number, ms: number) => {
    plan.push([from, { type: 'step', node, step: name, state: 'started' }]);
    plan.push([from + ms, { type: 'step', node, step: name, state: 'done', ms }]);
    return from + ms;
  };
  names.forEach((node, index) => {
    const slower = index * 10;
    let at = step(node, 'boot', step(node, 'up', step(node, 'stage', 100 + slower, 200), 1000), 600);
    if (index === 0) {
      at = step(node, 'publish', step(node, 'init', at, 8000), 100);
      plan.push([at + 3000, { type: 'node', node, phase: 'ready' }]);
      return;
    }
    at = step(node, 'await-join', at, 10_000 - at);
    if (retrying.includes(node)) {
      const message = 'connection refused';
      plan.push([
        at + 100,
        { type: 'step', node, step: 'join', state: 'retrying', attempt: 1, inMs: 1500, message },
      ]);
    }
    if (failing.includes(node)) {
      const error = { ...JOIN_ERROR, node, tail: [...JOIN_ERROR.tail] };
      plan.push([at, { type: 'step', node, step: 'join', state: 'started' }]);
      plan.push([at + 1100, { type: 'step', node, step: 'join', state: 'failed', ms: 1100, error }]);
      plan.push([at + 1100, { type: 'node', node, phase: 'failed' }]);
      return;
    }
    at = step(node, 'join', at, 1100 + slower);
    plan.push([at, { type: 'node', node, phase: 'joined' }]);
    plan.push([at + 2000, { type: 'node', node, phase: 'ready' }]);
  });
  plan.sort(([a], [b]) => a - b);
  const last = plan.at(-1)?.[0] ?? 0;
  plan.push([last + 10, { type: 'cluster', phase: failing.length > 0 ? 'degraded' : 'usable' }]);
  let clock = 1_700_000_000_000;
  const start = clock;
  const log = createEventLog({ now: () => clock, keep: 100_000 });
  for (const [at, body] of plan) {
    clock = start + at;
    log.emit(body);
  }
  log.emit({ type: 'summary', summary: summarize(log.events()) });
  return [...log.events()];
}
