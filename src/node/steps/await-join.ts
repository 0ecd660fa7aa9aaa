/** A worker watches for the lead's join record. */
import { UnetError } from '../../errors.ts';
import { withDeadline } from '../../process/deadline.ts';
import type { Step } from '../context.ts';
import { askForTurn } from '../turn.ts';

export const awaitJoin: Step = {
  name: 'await-join',
  run: async (context, log, signal) => {
    const ms = context.spec.stepTimeouts['await-join'];
    const transport = context.transport(context.epoch);
    // A turn that comes before the record saves a question and an answer between the two.
    context.turn = askForTurn(context);
    const none = `no join record of epoch ${context.epoch} came by ${transport.name} within ${ms / 1000} s`;
    context.joinRecord = await withDeadline(
      ms,
      signal,
      (limit) => transport.watch(limit),
      () =>
        new UnetError('UNET_JOIN_TIMEOUT', none, {
          remedy: `look at the lead, ${context.spec.lead}: it publishes after kubeadm init`,
        }),
    );
    log.line(`received by ${transport.name}, epoch ${context.joinRecord.epoch}`);
  },
};
