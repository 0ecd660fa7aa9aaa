/** `make up`: the node's container. Written down first, so that whoever cleans knows to take it down. */
import type { Step } from '../context.ts';
import { writeRecord } from '../record.ts';
import { runTarget } from './run-target.ts';

export const up: Step = {
  name: 'up',
  run: async (context, log, signal) => {
    context.record.up = true;
    await writeRecord(context.directory, context.record);
    await runTarget('up', 'up', context, log, signal);
  },
};
