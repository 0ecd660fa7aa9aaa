/** A make target as a step: the node's environment, the step's deadline, every line into its log. */

import { make, tryMake } from '../../engine/make.ts';
import type { RunResult } from '../../process/run.ts';
import type { StepTimeouts } from '../../setting/bring-up.ts';
import type { NodeContext } from '../context.ts';
import type { StepLog } from '../step-log.ts';

/** @throws UnetError when the target fails or takes longer than the step may. */
export function runTarget(
  target: string,
  step: keyof StepTimeouts,
  context: NodeContext,
  log: StepLog,
  signal: AbortSignal,
): Promise<RunResult> {
  return make(target, makeOptions(target, step, context, log, signal));
}

/** As `runTarget`, for a caller that reads the failure itself. */
export function tryTarget(
  target: string,
  step: keyof StepTimeouts,
  context: NodeContext,
  log: StepLog,
  signal: AbortSignal,
): Promise<RunResult> {
  return tryMake(target, makeOptions(target, step, context, log, signal));
}

function makeOptions(
  target: string,
  step: keyof StepTimeouts,
  context: NodeContext,
  log: StepLog,
  signal: AbortSignal,
) {
  log.line(`$ make ${target}`);
  return {
    stage: context.record.stage,
    env: context.environment(),
    timeoutMs: context.spec.stepTimeouts[step],
    signal,
    onLine: log.line,
  };
}
