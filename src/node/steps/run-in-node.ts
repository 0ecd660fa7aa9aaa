/** A command in the node's container, every line into the step's log. */
import { type RunResult, run } from '../../process/run.ts';
import { type NodeContext, need } from '../context.ts';
import type { StepLog } from '../step-log.ts';

/** Resolves whatever its exit code. */
export async function runInNode(
  command: readonly string[],
  context: NodeContext,
  log: StepLog,
  signal: AbortSignal,
): Promise<RunResult> {
  const engine = need(context.nodeEngine ?? context.engine, 'the engine');
  log.line(`$ ${command.join(' ')}`);
  const result = await run([...engine.compose, 'exec', '-T', 'node', ...command], {
    env: context.environment(),
    cwd: context.record.stage,
    timeoutMs: context.spec.stepTimeouts.images,
    signal,
    onLine: log.line,
  });
  signal.throwIfAborted();
  return result;
}
