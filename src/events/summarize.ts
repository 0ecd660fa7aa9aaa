/** How long everything took, from the events alone. */
import { max, quantileSorted } from 'simple-statistics';
import { STEP_NAMES, type StepName } from '../steps.ts';
import type { StepTiming, Summary, UnetEvent } from './types.ts';

type Measured = { node: string; ms: number };

/**
 * The timings of a bring-up: for each step and role, p50, p95 and max over the nodes on which it was done.
 * A step that was done twice on a node counts with its last time. Percentiles are interpolated linearly between
 * the two nearest values, as numpy does (type 7; simple-statistics' quantileSorted), in whole milliseconds.
 */
export function summarize(events: Iterable<UnetEvent>): Summary {
  let lead: string | undefined;
  let nodes: readonly string[] = [];
  let usableAt: number | undefined;
  let lastAt = 0;
  const ready = new Set<string>();
  const done = new Map<StepName, Map<string, number>>();
  for (const event of events) {
    lastAt = event.at;
    if (event.type === 'plan') {
      lead = event.lead;
      nodes = event.nodes;
    } else if (event.type === 'cluster' && (event.phase === 'usable' || event.phase === 'degraded')) {
      usableAt ??= event.at;
    } else if (event.type === 'node') {
      ready[event.phase === 'ready' ? 'add' : 'delete'](event.node);
    } else if (event.type === 'step' && event.state === 'done') {
      const measured = done.get(event.step) ?? new Map<string, number>();
      done.set(event.step, measured.set(event.node, event.ms));
    }
  }
  const timings = STEP_NAMES.flatMap((step) => {
    const measured = [...(done.get(step) ?? [])].map(([node, ms]): Measured => ({ node, ms }));
    const onLead = measured.filter(({ node }) => node === lead);
    const onWorkers = measured.filter(({ node }) => node !== lead);
    return [timing(step, 'lead', onLead), timing(step, 'worker', onWorkers)].filter(
      (one) => one !== undefined,
    );
  });
  return {
    wallMs: usableAt ?? lastAt,
    ready: nodes.filter((node) => ready.has(node)),
    missing: nodes.filter((node) => !ready.has(node)),
    timings,
  };
}

function timing(
  step: StepName,
  role: StepTiming['role'],
  measured: readonly Measured[],
): StepTiming | undefined {
  const sorted = measured.map(({ ms }) => ms).sort((a, b) => a - b);
  if (sorted.length === 0) {
    return undefined;
  }
  const longest = max(sorted);
  const slowest = measured.find(({ ms }) => ms === longest)?.node ?? '';
  return {
    step,
    role,
    count: sorted.length,
    p50: Math.round(quantileSorted(sorted, 0.5)),
    p95: Math.round(quantileSorted(sorted, 0.95)),
    max: longest,
    slowest,
  };
}
