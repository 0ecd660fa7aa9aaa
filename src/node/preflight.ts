/** The release's own preflight, before something large is loaded for it. */
import { makeFailure, tryMake } from '../engine/make.ts';
import { EXIT } from '../errors.ts';
import { type NodeContext, need } from './context.ts';
import type { StepLog } from './step-log.ts';

const TARGET = 'check-preflight';

/**
 * `make up` asks the same at its start. So it is asked here only where a pack or an image comes before that.
 *
 * @throws UnetError with the code of what is refused.
 */
export async function preflight(context: NodeContext, log: StepLog, signal: AbortSignal): Promise<void> {
  const { spec, record } = context;
  const isLarge = spec.pack !== undefined || spec.container.image !== undefined;
  if (!isLarge || !need(context.release, 'the release').targets.has(TARGET)) {
    return;
  }
  log.line(`$ make ${TARGET}`);
  const timeoutMs = spec.stepTimeouts.stage;
  // QUICK: its last check would pull an image, which compute nodes seldom can.
  const env = { ...context.environment(), QUICK: '1' };
  const result = await tryMake(TARGET, { stage: record.stage, env, timeoutMs, signal, onLine: log.line });
  signal.throwIfAborted();
  if (result.exitCode !== 0) {
    throw makeFailure(TARGET, result, timeoutMs).with({ exitCode: EXIT.preflight });
  }
}
