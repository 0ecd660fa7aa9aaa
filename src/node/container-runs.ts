/** Whether the node's container runs, as the engine says. */
import { whyNotRunning } from '../engine/running.ts';
import type { UnetError } from '../errors.ts';
import type { NodeContext } from './context.ts';

export async function containerRuns(context: NodeContext, signal: AbortSignal): Promise<boolean> {
  return hasContainer(context) && (await containerTrouble(context, signal)) === undefined;
}

/** What the engine says of a container that has ended; undefined before there is one, and where the engine does not answer. */
export async function containerTrouble(
  context: NodeContext,
  signal: AbortSignal,
): Promise<UnetError | undefined> {
  const { nodeEngine, spec, node } = context;
  if (!hasContainer(context) || nodeEngine === undefined) {
    return undefined;
  }
  const options = { env: context.environment(), timeoutMs: spec.stepTimeouts.up, signal };
  return await whyNotRunning(nodeEngine, { ...options, jobId: spec.jobId, node });
}

function hasContainer({ record, nodeEngine }: NodeContext): boolean {
  return record.up && nodeEngine !== undefined;
}
