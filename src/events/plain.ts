/** One line for each change, for batch logs. No colours, and short also for 256 nodes. */
import { redact } from '../process/redact.ts';
import { STEPS, type StepName } from '../steps.ts';
import { formatBytes } from './bytes.ts';
import { createErrorBlocks } from './error-blocks.ts';
import { formatDuration } from './format.ts';
import { advance, createProgress, type Progress, warningText, workersOf } from './progress.ts';
import { someOf, summaryLines } from './summary-table.ts';
import type { ClusterPhase, NodePhase, UnetEvent } from './types.ts';

/** With more workers than this their steps are told together. */
const EACH_WORKER = 8;
/** How many retries of a step are told when workers are told together. */
const RETRIES_TOLD = 5;

const PHASES: Record<ClusterPhase, string> = {
  starting: 'starting',
  'bringing-up': 'bringing the cluster up',
  usable: 'the cluster is usable',
  degraded: 'the cluster is usable, with fewer nodes than requested',
  failed: 'the bring-up has failed',
  stopping: 'tearing down',
  stopped: 'everything is gone',
};
// The steps already say "waiting", "working" and "joined".
const NODE_PHASES: Partial<Record<NodePhase, string>> = {
  ready: 'Ready',
  lost: 'lost',
  missing: 'never said hello',
  failed: 'failed',
  removed: 'torn down',
};
const BAD: readonly NodePhase[] = ['lost', 'missing', 'failed'];

/** A function that gives the lines for each event, `[  3.2s] n1: kubeadm join done in 1.1 s`. */
export function createPlainLines(): (event: UnetEvent) => string[] {
  const progress = createProgress();
  const errorBlock = createErrorBlocks();
  const told = new Map<string, number>();
  return (event) => {
    advance(progress, event);
    const [first, ...more] = describe(event, progress, errorBlock, told);
    if (first === undefined) {
      return [];
    }
    const stamp = `[${(event.at / 1000).toFixed(1).padStart(5)}s] `;
    const indent = ' '.repeat(stamp.length);
    return [`${stamp}${redact(first)}`, ...more.map((line) => `${indent}${redact(line)}`.trimEnd())];
  };
}

type ErrorBlock = ReturnType<typeof createErrorBlocks>;

function describe(
  event: UnetEvent,
  progress: Progress,
  errorBlock: ErrorBlock,
  told: Map<string, number>,
): string[] {
  switch (event.type) {
    case 'plan': {
      const { jobId, allocation, nodes, lead, release, logs } = event;
      const count = nodes.length === 1 ? '1 node' : `${nodes.length} nodes`;
      return [
        `${jobId}: ${count} of ${allocation} (${someOf(nodes)}), ${lead} leads`,
        `release ${release}`,
        `logs in ${logs}`,
      ];
    }
    case 'cluster':
      return [withMessage(clusterText(event), event.message)];
    case 'node':
      return nodeLine(event, progress);
    case 'step':
      return stepLines(event, progress, errorBlock, told);
    case 'pack':
      return event.bytes < event.total
        ? []
        : [`the pack ${event.path} is verified: ${formatBytes(event.total)}`];
    case 'warning':
      return [`warning: ${warningText(event)}`.replaceAll('\n', ' ')];
    case 'error':
      return errorBlock(event.error);
    case 'summary':
      return ['times in seconds:', ...summaryLines(event.summary)];
  }
}

function clusterText({ phase, retained, incomplete }: Extract<UnetEvent, { type: 'cluster' }>): string {
  if (incomplete === true) {
    return 'something is left, see above';
  }
  return retained === true ? `${PHASES[phase]}; everything is kept until "unet down"` : PHASES[phase];
}

function nodeLine(
  { node, phase, message }: Extract<UnetEvent, { type: 'node' }>,
  progress: Progress,
): string[] {
  const text = NODE_PHASES[phase];
  // Its failing step was shown already.
  const known = phase === 'failed' && progress.nodes.get(node)?.error !== undefined;
  if (text === undefined || known) {
    return [];
  }
  const nodes = [...progress.nodes.values()];
  const count = nodes.filter((one) => one.phase === phase).length;
  const together = isTogether(progress) && !BAD.includes(phase);
  if (!together) {
    return [
      withMessage(`${node}: ${text}${phase === 'ready' ? ` (${count}/${nodes.length})` : ''}`, message),
    ];
  }
  return isMilestone(count, nodes.length) ? [`${text}: ${count}/${nodes.length} nodes, now ${node}`] : [];
}

function stepLines(
  event: Extract<UnetEvent, { type: 'step' }>,
  progress: Progress,
  errorBlock: ErrorBlock,
  told: Map<string, number>,
): string[] {
  const { node, step } = event;
  const title = STEPS[step].title;
  const together = isTogether(progress) && node !== progress.plan?.lead;
  switch (event.state) {
    case 'started':
      return node === progress.plan?.lead ? [`${node}: ${title}`] : [];
    case 'done':
      return together
        ? togetherLine(step, progress)
        : [`${node}: ${title} done in ${formatDuration(event.ms)}`];
    case 'failed': {
      const [head, ...rest] = errorBlock(event.error);
      const last = together ? togetherLine(step, progress) : [];
      return [`${node}: ${title} failed after ${formatDuration(event.ms)}: ${head ?? ''}`, ...rest, ...last];
    }
    case 'retrying': {
      const count = (told.get(step) ?? 0) + 1;
      told.set(step, count);
      if (together && count > RETRIES_TOLD) {
        return count === RETRIES_TOLD + 1
          ? [`workers: further attempts at ${title} are in the node logs`]
          : [];
      }
      const again = `again in ${formatDuration(event.inMs)}`;
      return [
        `${node}: ${title}: attempt ${event.attempt} failed, ${again}: ${event.message.split('\n', 1)[0] ?? ''}`,
      ];
    }
  }
}

/** The first worker, every quarter and the last; a failed one counts as ended. */
function togetherLine(step: StepName, progress: Progress): string[] {
  const workers = workersOf(progress);
  const ended = workers.flatMap(({ node, steps }) => {
    const one = steps.get(step);
    return one === undefined || one.state === 'running'
      ? []
      : [{ node, ms: one.ms ?? 0, failed: one.state === 'failed' }];
  });
  if (!isMilestone(ended.length, workers.length)) {
    return [];
  }
  const failed = ended.filter((one) => one.failed).length;
  const slowest = ended.reduce((worst, one) => (one.ms > worst.ms ? one : worst), { node: '', ms: -1 });
  const counts = `${ended.length - failed}/${workers.length}${failed === 0 ? '' : `, ${failed} failed`}`;
  return [`workers: ${STEPS[step].title} ${counts}, slowest ${slowest.node} (${formatDuration(slowest.ms)})`];
}

function isTogether(progress: Progress): boolean {
  return workersOf(progress).length > EACH_WORKER;
}

function isMilestone(count: number, total: number): boolean {
  const quarter = (value: number) => Math.floor((value * 4) / total);
  return count === 1 || quarter(count) > quarter(count - 1);
}

function withMessage(text: string, message: string | undefined): string {
  return message === undefined || message === '' ? text : `${text}: ${message}`;
}
