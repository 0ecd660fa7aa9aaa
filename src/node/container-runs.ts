/** Whether the node's container runs, as the engine says. */
import { whyNotRunning } from '../engine/running.ts';
import type { NodeContext } from './context.ts';

export async function containerRuns(context: NodeContext, signal: AbortSignal): Promise<boolean> {
  const { record, nodeEngine, spec, node } = context;
  if (!record.up || nodeEngine === undefined) {
    return false;
  }
  const options = { env: context.environment(), timeoutMs: spec.stepTimeouts.up, signal };
  return (await whyNotRunning(nodeEngine, { ...options, jobId: spec.jobId, node })) === undefined;
}
