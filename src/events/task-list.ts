/**
 * The live task list: what listr2 draws, as titles made from the progress. Its height does not depend on the
 * number of nodes: the lead with its steps, the workers in one line, the ready ones, the failed, the last warning.
 */

import { STEPS, type StepName, stepsOn } from '../steps.ts';
import { formatBytes, progressBar } from './bytes.ts';
import { formatDuration } from './format.ts';
import { currentStep, type NodeProgress, type Progress, rank, workersOf } from './progress.ts';
import { someOf } from './summary-table.ts';

const LEAD_STEPS = stepsOn('lead');
const WORKER_STEPS = stepsOn('worker');
const NAMED = 4;

/** The tasks in their order. The steps of the lead are drawn below it. */
export const TASKS: readonly { id: string; steps?: readonly string[] }[] = [
  { id: 'pack' },
  { id: 'lead', steps: LEAD_STEPS },
  { id: 'workers' },
  { id: 'all' },
  { id: 'failures' },
  { id: 'warnings' },
];

export type TaskState = 'running' | 'done' | 'failed' | 'warning';
export type TaskLine = { title: string; state: TaskState };

/** What each task shows now, by its id; a task that is not in it is not drawn. `at`: milliseconds since the start. */
export function taskLines(progress: Progress, at: number): ReadonlyMap<string, TaskLine> {
  const leadName = progress.plan?.lead;
  const lead = leadName === undefined ? undefined : progress.nodes.get(leadName);
  const lines: [string, TaskLine | undefined][] = [
    ['pack', packLine(progress)],
    ['lead', leadLine(progress, lead, at)],
    ...LEAD_STEPS.map((step): [string, TaskLine | undefined] => [step, leadStep(lead, step, at)]),
    ['workers', workersLine(progress, at)],
    ['all', readyLine(progress, at)],
    ['failures', failuresLine(progress)],
    ['warnings', warningsLine(progress)],
  ];
  return new Map(lines.filter((entry): entry is [string, TaskLine] => entry[1] !== undefined));
}

function packLine({ pack }: Progress): TaskLine | undefined {
  if (pack === undefined) {
    return undefined;
  }
  const { bytes, total } = pack;
  return bytes < total
    ? {
        title: `verify the pack ${progressBar(bytes / total, 24)} ${formatBytes(bytes)} of ${formatBytes(total)}`,
        state: 'running',
      }
    : { title: `verify the pack (${formatBytes(total)})`, state: 'done' };
}

function leadLine(progress: Progress, lead: NodeProgress | undefined, at: number): TaskLine {
  const { plan, phase } = progress;
  if (plan === undefined || lead === undefined) {
    const over = phase === 'stopped' ? 'done' : 'running';
    return { title: `${phaseText(phase)} (${formatDuration(at)})`, state: over };
  }
  const failed = lead.error !== undefined || ['failed', 'lost', 'missing'].includes(lead.phase);
  const settled = phase === 'usable' || phase === 'degraded' || phase === 'stopped';
  const state = failed ? 'failed' : settled ? 'done' : 'running';
  return { title: `control plane on ${plan.lead} (${phaseText(phase)}, ${formatDuration(at)})`, state };
}

function leadStep(lead: NodeProgress | undefined, step: StepName, at: number): TaskLine | undefined {
  const progress = lead?.steps.get(step);
  if (progress === undefined) {
    return undefined;
  }
  const again =
    progress.attempt === undefined || progress.state === 'done' ? '' : `, attempt ${progress.attempt} failed`;
  const time = formatDuration(progress.ms ?? at - progress.since);
  return { title: `${STEPS[step].title} (${time}${again})`, state: progress.state };
}

/** "workers: join 12/31, slowest n17 (start the node, 14.0 s)" */
function workersLine(progress: Progress, at: number): TaskLine | undefined {
  const workers = workersOf(progress);
  if (workers.length === 0 || progress.plan === undefined || isGoing(progress)) {
    return undefined;
  }
  const done = (step: StepName) => workers.filter(({ steps }) => steps.get(step)?.state === 'done').length;
  const reached = WORKER_STEPS.findLast((step) => workers.some(({ steps }) => steps.has(step))) ?? 'stage';
  const all = workers.length;
  if (done('join') === all) {
    return { title: `workers: all ${all} joined`, state: 'done' };
  }
  // The step that the first are in and the join, which is what one waits for.
  const counts = [...new Set([reached, 'join' as const])].map(
    (step) => `${STEPS[step].title} ${done(step)}/${all}`,
  );
  const failed = workers.filter(isFailed);
  const behind = workers
    .filter((node) => !isFailed(node) && node.steps.get('join')?.state !== 'done')
    .sort((a, b) => rank(a) - rank(b) || sinceOf(a) - sinceOf(b))[0];
  const state = behind === undefined ? 'failed' : 'running';
  const slowest =
    behind === undefined ? `${failed.length} failed` : `slowest ${behind.node} (${whereabouts(behind, at)})`;
  return { title: `workers: ${counts.join(', ')}, ${slowest}`, state };
}

function readyLine(progress: Progress, at: number): TaskLine | undefined {
  const nodes = [...progress.nodes.values()];
  if (progress.plan === undefined) {
    return undefined;
  }
  if (isGoing(progress)) {
    const removed = nodes.filter(({ phase }) => phase === 'removed').length;
    return {
      title: `torn down ${removed}/${nodes.length}`,
      state: removed === nodes.length ? 'done' : 'running',
    };
  }
  const ready = nodes.filter(({ phase }) => phase === 'ready').length;
  const state = ready === nodes.length ? 'done' : ended(progress) ? 'failed' : 'running';
  return {
    title: `ready ${ready}/${nodes.length}${state === 'running' ? ` (${formatDuration(at)})` : ''}`,
    state,
  };
}

function failuresLine(progress: Progress): TaskLine | undefined {
  const failed = [...progress.nodes.values()].filter(isFailed);
  const names = failed.map(({ node, phase, error }) => {
    const what =
      error === undefined ? phase : [error.step, error.code].filter((text) => text !== undefined).join(' ');
    return `${node} (${what})`;
  });
  return names.length === 0 ? undefined : { title: `failed: ${someOf(names, NAMED)}`, state: 'failed' };
}

function warningsLine({ warnings }: Progress): TaskLine | undefined {
  const last = warnings.at(-1);
  return last === undefined ? undefined : { title: last.replaceAll('\n', ' '), state: 'warning' };
}

function whereabouts(node: NodeProgress, at: number): string {
  const step = currentStep(node);
  return step === undefined ? node.phase : `${STEPS[step.step].title}, ${formatDuration(at - step.since)}`;
}

function sinceOf(node: NodeProgress): number {
  return currentStep(node)?.since ?? Number.POSITIVE_INFINITY;
}

function isFailed({ phase, error }: NodeProgress): boolean {
  return error !== undefined || phase === 'failed' || phase === 'lost' || phase === 'missing';
}

function ended({ phase }: Progress): boolean {
  return phase === 'degraded' || phase === 'failed';
}

function isGoing({ phase }: Progress): boolean {
  return phase === 'stopping' || phase === 'stopped';
}

function phaseText(phase: Progress['phase']): string {
  return phase === 'bringing-up' ? 'bringing up' : phase;
}
