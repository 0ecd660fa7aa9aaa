/** A worker watches for the lead's join record. */
import { UnetError } from '../../errors.ts';
import type { Step } from '../context.ts';

export const awaitJoin: Step = {
  name: 'await-join',
  run: async (context, log, signal) => {
    const ms = context.spec.stepTimeouts['await-join'];
    const deadline = AbortSignal.timeout(ms);
    const transport = context.transport(context.epoch);
    try {
      context.joinRecord = await transport.watch(AbortSignal.any([signal, deadline]));
    } catch (error) {
      if (deadline.aborted && !signal.aborted) {
        throw new UnetError(
          'UNET_JOIN_TIMEOUT',
          `no join record of epoch ${context.epoch} came by ${transport.name} within ${ms / 1000} s`,
          {
            cause: error,
            remedy: `look at the lead, ${context.spec.lead}: it publishes after kubeadm init`,
          },
        );
      }
      throw error;
    }
    log.line(`received by ${transport.name}, epoch ${context.joinRecord.epoch}`);
  },
};
