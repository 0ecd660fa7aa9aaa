/** Where everything stands, as the events so far say it. What renderers look at. */
import type { ErrorRecord } from '../errors.ts';
import { STEPS, type StepName } from '../steps.ts';
import type { ClusterPhase, NodePhase, Summary, UnetEvent } from './types.ts';

export type StepProgress = {
  step: StepName;
  state: 'running' | 'done' | 'failed';
  /** `at` of its start. */
  since: number;
  /** Milliseconds, once it has ended. */
  ms?: number;
  attempt?: number;
};

export type NodeProgress = {
  node: string;
  phase: NodePhase;
  steps: Map<StepName, StepProgress>;
  error?: ErrorRecord;
};

export type Progress = {
  plan?: Extract<UnetEvent, { type: 'plan' }>;
  phase: ClusterPhase;
  message?: string | undefined;
  /** In the order of the plan. */
  nodes: Map<string, NodeProgress>;
  /** The last hundred. */
  warnings: string[];
  errors: ErrorRecord[];
  summary?: Summary;
  /** How much of the pack is verified. */
  pack?: { bytes: number; total: number };
  /** `at` of the last event. */
  at: number;
};

export function createProgress(): Progress {
  return { phase: 'starting', nodes: new Map(), warnings: [], errors: [], at: 0 };
}

/** Takes one event in. */
export function advance(progress: Progress, event: UnetEvent): void {
  progress.at = event.at;
  switch (event.type) {
    case 'plan':
      progress.plan = event;
      event.nodes.forEach((node) => void nodeOf(progress, node));
      return;
    case 'cluster':
      progress.phase = event.phase;
      progress.message = event.message;
      return;
    case 'node':
      advanceNode(nodeOf(progress, event.node), event.phase);
      return;
    case 'step':
      advanceStep(nodeOf(progress, event.node), event);
      return;
    case 'pack':
      progress.pack = { bytes: event.bytes, total: event.total };
      return;
    case 'warning':
      progress.warnings = [...progress.warnings.slice(-99), warningText(event)];
      return;
    case 'error':
      progress.errors.push(event.error);
      return;
    case 'summary':
      progress.summary = event.summary;
  }
}

/** All nodes but the lead. Before the plan is known: all. */
export function workersOf({ plan, nodes }: Progress): NodeProgress[] {
  return [...nodes.values()].filter(({ node }) => node !== plan?.lead);
}

/** The step that a node is in, or was in when it failed; undefined before the first and between two. */
export function currentStep({ steps }: NodeProgress): StepProgress | undefined {
  return [...steps.values()].findLast(({ state }) => state !== 'done');
}

/** How far a node is, as a number that grows: for finding the one that is behind. */
export function rank({ steps }: NodeProgress): number {
  const order = Object.keys(STEPS);
  return Math.max(
    -1,
    ...[...steps.values()].map(({ step, state }) => order.indexOf(step) + (state === 'done' ? 0.5 : 0)),
  );
}

/** "n3: clock is off", without a node just the text. */
export function warningText({ node, message }: { node?: string | undefined; message: string }): string {
  return node === undefined ? message : `${node}: ${message}`;
}

function nodeOf(progress: Progress, node: string): NodeProgress {
  const known = progress.nodes.get(node);
  if (known !== undefined) {
    return known;
  }
  const added: NodeProgress = { node, phase: 'waiting', steps: new Map() };
  progress.nodes.set(node, added);
  return added;
}

/** One that begins again has nothing of its earlier try. */
function advanceNode(node: NodeProgress, phase: NodePhase): void {
  node.phase = phase;
  if (phase === 'waiting' || phase === 'working') {
    node.steps.clear();
    delete node.error;
  }
}

function advanceStep(node: NodeProgress, event: Extract<UnetEvent, { type: 'step' }>): void {
  const { step } = event;
  const before = node.steps.get(step);
  switch (event.state) {
    case 'started':
      node.steps.set(step, { step, state: 'running', since: event.at });
      return;
    case 'retrying':
      node.steps.set(step, {
        step,
        state: 'running',
        since: before?.since ?? event.at,
        attempt: event.attempt,
      });
      return;
    case 'done':
      node.steps.set(step, {
        step,
        state: 'done',
        since: before?.since ?? event.at - event.ms,
        ms: event.ms,
      });
      return;
    case 'failed':
      node.steps.set(step, {
        step,
        state: 'failed',
        since: before?.since ?? event.at - event.ms,
        ms: event.ms,
      });
      node.error = event.error;
  }
}
