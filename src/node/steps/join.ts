/** `kubeadm join`, with a reset between tries, as one of the few that may do so at the same time. */
import { rm } from 'node:fs/promises';
import { join as path } from 'node:path';
import { UnetError } from '../../errors.ts';
import { writePrivateFile } from '../../files/private-file.ts';
import { classifyJoinFailure } from '../../join/failure.ts';
import { renderJoinCommand } from '../../join/record.ts';
import { joinWithRetries } from '../../join/retry.ts';
import { describeEnd, lastLines } from '../../process/run.ts';
import { containerTrouble } from '../container-runs.ts';
import { type NodeContext, need, type Step } from '../context.ts';
import type { StepLog } from '../step-log.ts';
import { askForTurn } from '../turn.ts';
import { tryTarget } from './run-target.ts';

export const join: Step = {
  name: 'join',
  run: async (context, log, signal) => {
    const { spec } = context;
    if (context.joinTried === true) {
      await reset(context, log, signal);
    }
    await joinWithRetries({
      attempts: spec.joinAttempts,
      deadlineMs: spec.timeoutMs,
      signal,
      attempt: (_number, limit) => attempt(context, log, limit),
      reset: (limit) => reset(context, log, limit),
      onRetry: ({ attempt: number, error, inMs, resetError }) => {
        log.line(`try ${number} failed: ${error.message}`);
        if (resetError !== undefined) {
          log.line(`the reset failed too: ${resetError.message}`);
        }
        context.send({
          type: 'step',
          state: 'retrying',
          step: 'join',
          attempt: number,
          inMs,
          message: error.message,
        });
      },
    });
  },
};

/** `kubeadm join` is not idempotent: what an earlier one has left is removed. */
async function reset(context: NodeContext, log: StepLog, signal: AbortSignal): Promise<void> {
  if (need(context.release, 'the release').hasReset) {
    await tryTarget('kubeadm-reset', 'join', context, log, signal);
  }
}

async function attempt(context: NodeContext, log: StepLog, signal: AbortSignal): Promise<void> {
  const command = path(context.record.stage, 'join-command');
  await writePrivateFile(command, renderJoinCommand(need(context.joinRecord, 'the join record')), {
    durable: false,
  });
  const turn = context.turn ?? askForTurn(context);
  context.turn = undefined;
  try {
    await context.inbox.take('grant', signal, (grant) => grant.node === context.node && grant.turn === turn);
    context.joinTried = true;
    const result = await tryTarget('kubeadm-join', 'join', context, log, signal);
    if (result.timedOut) {
      throw new UnetError(
        'UNET_STEP_TIMEOUT',
        `make kubeadm-join ${describeEnd(result, context.spec.stepTimeouts.join)}`,
        {
          tail: lastLines(result.stdout),
        },
      );
    }
    if (result.exitCode !== 0) {
      const trouble = await containerTrouble(context, signal);
      if (trouble !== undefined) {
        throw trouble; // No further try helps.
      }
      throw classifyJoinFailure(`${result.stdout}\n${result.stderr}`);
    }
  } finally {
    context.send({ type: 'join-done' });
    await rm(command, { force: true });
  }
}
