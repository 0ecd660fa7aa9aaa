/** `unet down`: takes the cluster away, also without its supervisor. */

import { EXIT, UnetError } from '../errors.ts';
import { errorLines } from '../events/error-text.ts';
import { createRenderer } from '../events/renderer.ts';
import { findJob } from '../session/job.ts';
import { runOnLead } from '../session/on-lead.ts';
import { takeDown } from '../session/take-down.ts';
import { VERSION } from '../version.ts';
import type { CommandModule } from './frame/command.ts';

export const down: CommandModule = {
  command: 'down',
  describe: 'take the cluster down on every node; repeatable, also without a supervisor',
  group: 'cluster',
  example: [['unet down', 'at the end of a batch script, or after a failure was inspected']],
  // Few: a typo in the others must not keep a cluster up.
  settings: ['allocation', 'name', 'jobDir', 'nodeDir', 'output'],
  json: true,
  async handler({ settings, env, cwd, signal, stderr, stdout, say, json }) {
    const job = await findJob({ settings, env, cwd, unet: VERSION, signal }).catch(nothingHere);
    if (typeof job === 'string') {
      say(`${job}: there is nothing to take down`);
      return EXIT.done;
    }
    const there = await runOnLead(job, { signal, say });
    if (there !== undefined) {
      return there;
    }
    const renderer = await createRenderer({
      output: settings.output,
      stream: stderr,
      resultStream: stdout,
      env,
    });
    try {
      const { by, problems, logs } = await takeDown(job, renderer.event);
      await renderer.end();
      if (by === 'cleaning agents') {
        problems.flatMap(errorLines).forEach(say);
      }
      if (!json) {
        say(
          problems.length === 0
            ? `nothing of ${job.allocation.jobId} is left`
            : `something of ${job.allocation.jobId} is left, see above`,
        );
        if (logs !== undefined) {
          say(`the logs of what failed are kept in ${logs}`);
        }
      }
      return problems.length === 0 ? EXIT.done : EXIT.failed;
    } finally {
      await renderer.end();
    }
  },
};

/** `down` is repeatable, also where the first one has left no sign of a cluster. */
function nothingHere(error: unknown): string {
  if (UnetError.is(error) && error.code === 'UNET_NO_ALLOCATION') {
    return 'this is not inside an allocation, and no local cluster is up';
  }
  if (UnetError.is(error) && error.code === 'UNET_NO_CLUSTER') {
    return error.message;
  }
  throw error;
}
