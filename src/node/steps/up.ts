/** `make up`: the node's container. Written down first, so that whoever cleans knows to take it down. */
import { childEnvironment } from '../../process/environment.ts';
import { writeComposeOverride } from '../container.ts';
import { containerRuns } from '../container-runs.ts';
import type { NodeContext, Step } from '../context.ts';
import { writeNodeRecord } from '../record.ts';
import type { StepLog } from '../step-log.ts';
import { takeContainerDown } from '../teardown.ts';
import { runTarget } from './run-target.ts';

export const up: Step = {
  name: 'up',
  isDone: (context, _log, signal) => containerRuns(context, signal),
  run: async (context, log, signal) => {
    if (context.record.up) {
      await takeEarlierDown(context, log);
    }
    await writeComposeOverride(context, log);
    // A new container has nothing of an earlier one.
    context.joinTried = false;
    context.loaded?.images.forEach((image) => {
      image.imported = false;
    });
    context.record.up = true;
    await writeNodeRecord(context.directory, context.record);
    await runTarget('up', 'up', context, log, signal);
  },
};

/** A container that has ended is not started again: kubeadm would find in its volumes what it does not join over. */
async function takeEarlierDown(
  { record, directory, spec, env, endWatch }: NodeContext,
  log: StepLog,
): Promise<void> {
  log.line('the container of an earlier try does not run; it is taken down first');
  endWatch?.();
  await takeContainerDown(record, {
    directory,
    env: childEnvironment(env),
    timeoutMs: spec.stepTimeouts.down,
    onLine: log.line,
  });
}
