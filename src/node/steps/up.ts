/** `make up`: the node's container. Written down first, so that whoever cleans knows to take it down. */
import { dressContainer } from '../container.ts';
import type { Step } from '../context.ts';
import { writeRecord } from '../record.ts';
import { runTarget } from './run-target.ts';

export const up: Step = {
  name: 'up',
  run: async (context, log, signal) => {
    await dressContainer(context, log);
    context.record.up = true;
    await writeRecord(context.directory, context.record);
    await runTarget('up', 'up', context, log, signal);
  },
};
