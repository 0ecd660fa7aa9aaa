/** Running a plan: each step reported, logged, and its error completed with node, step and log. */
import { UnetError } from '../errors.ts';
import { containerTrouble } from './container-runs.ts';
import type { NodeContext, Step } from './context.ts';
import { collectDiagnostics } from './diagnostics.ts';
import type { Plan } from './plan.ts';
import type { StepLog } from './step-log.ts';

// Of the step's own output, beside what a container said.
const KEPT_LINES = 6;

/**
 * Runs the steps of `plan` in order; those of an inner list together, where the first failure ends the others.
 *
 * @throws the UnetError of the step that failed, already reported.
 */
export async function runPlan(plan: Plan, context: NodeContext, signal: AbortSignal): Promise<void> {
  for (const item of plan) {
    if (isStep(item)) {
      await runStep(item, context, signal);
    } else {
      const siblings = new AbortController();
      const both = AbortSignal.any([signal, siblings.signal]);
      const results = await Promise.allSettled(
        item.map((step) =>
          runStep(step, context, both).catch((error: unknown) => {
            siblings.abort(error);
            throw error;
          }),
        ),
      );
      if (siblings.signal.aborted) {
        throw siblings.signal.reason;
      }
      results.forEach((result) => {
        if (result.status === 'rejected') {
          throw result.reason;
        }
      });
    }
  }
}

async function runStep(step: Step, context: NodeContext, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  const log = context.openLog(step.name);
  if (context.tries > 1 && (await isDone(step, context, log, signal))) {
    log.line('done by an earlier try');
    log.close();
    return;
  }
  const started = performance.now();
  context.send({ type: 'step', state: 'started', step: step.name });
  try {
    await step.run(context, log, signal);
    signal.throwIfAborted();
    context.send({
      type: 'step',
      state: 'done',
      step: step.name,
      ms: Math.round(performance.now() - started),
    });
  } catch (error) {
    // Interrupted, not failed: who interrupted it says why.
    signal.throwIfAborted();
    const cause = await causeOf(error, step, context, signal);
    const failure = cause.with({ node: context.node, step: step.name, log: log.path });
    log.line(`failed: ${failure.message}`);
    context.send({
      type: 'step',
      state: 'failed',
      step: step.name,
      ms: Math.round(performance.now() - started),
      error: failure.toRecord(),
    });
    throw failure;
  } finally {
    log.close();
  }
}

/** A step that failed since the container has ended says that, with the container's last words. Of `up` it is the consequence. */
async function causeOf(
  error: unknown,
  step: Step,
  context: NodeContext,
  signal: AbortSignal,
): Promise<UnetError> {
  const failure = UnetError.from(error);
  const isKnown = step.name === 'up' || failure.code === 'UNET_NODE_NOT_RUNNING';
  const trouble = isKnown ? undefined : await containerTrouble(context, signal).catch(() => undefined);
  signal.throwIfAborted();
  return trouble ?? (await explained(failure, context, signal));
}

/** With what a container of Kubernetes itself said, and where the rest is: the node's container may be gone in a moment. */
async function explained(failure: UnetError, context: NodeContext, signal: AbortSignal): Promise<UnetError> {
  const found = await collectDiagnostics(context, signal);
  signal.throwIfAborted();
  if (found === undefined) {
    return failure;
  }
  const { tail = [], remedy } = failure.details;
  const where = `the logs of kubelet and pods are in ${found.directory}`;
  return new UnetError(failure.code, failure.message, {
    ...failure.details,
    tail: found.quoted.length === 0 ? tail : [...tail.slice(-KEPT_LINES), ...found.quoted],
    remedy: remedy === undefined ? where : `${remedy}; ${where}`,
  });
}

/** A check that fails says that the step has to be run. */
async function isDone(step: Step, context: NodeContext, log: StepLog, signal: AbortSignal): Promise<boolean> {
  try {
    return (await step.isDone?.(context, log, signal)) ?? false;
  } catch (error) {
    signal.throwIfAborted();
    log.line(`the check of an earlier try failed: ${UnetError.from(error).message}`);
    return false;
  }
}

function isStep(item: Step | readonly Step[]): item is Step {
  return !Array.isArray(item);
}
