/** The join record, made from what `make join-command` wrote, and sent on its way to the workers. */
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { JOIN_RECORD_VERSION, type JoinRecord, parseJoinCommand } from '../../join/record.ts';
import type { Step } from '../context.ts';
import { runTarget } from './run-target.ts';

export const publish: Step = {
  name: 'publish',
  run: async (context, log, signal) => {
    await runTarget('join-command', 'publish', context, log, signal);
    const written = join(context.record.stage, 'join-command');
    const transport = context.transport(context.epoch);
    try {
      const record: JoinRecord = {
        version: JOIN_RECORD_VERSION,
        jobId: context.spec.jobId,
        epoch: context.epoch,
        ...parseJoinCommand(await readFile(written, 'utf8')),
        expiresAt: new Date(Date.now() + context.spec.timeoutMs).toISOString(),
      };
      await transport.publish(record, signal);
      context.published = record;
      context.onPublished();
      log.line(`published by ${transport.name}, epoch ${record.epoch}, until ${record.expiresAt}`);
    } finally {
      // After the record is on its way: nobody waits for this.
      await rm(written, { force: true });
    }
  },
};
