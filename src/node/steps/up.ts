/** `make up`: the node's container. Written down first, so that whoever cleans knows to take it down. */
import { writeComposeOverride } from '../container.ts';
import { containerRuns } from '../container-runs.ts';
import type { Step } from '../context.ts';
import { writeNodeRecord } from '../record.ts';
import { runTarget } from './run-target.ts';

export const up: Step = {
  name: 'up',
  isDone: (context, _log, signal) => containerRuns(context, signal),
  run: async (context, log, signal) => {
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
