/** `unet up`: the cluster comes up, or is found up. */

import { EXIT } from '../errors.ts';
import { rendererWhenNeeded } from '../events/renderer.ts';
import { bringUp } from '../session/follow-bring-up.ts';
import { findJob } from '../session/job.ts';
import { runOnLead } from '../session/on-lead.ts';
import { settingsWithPack } from '../session/settings-with-pack.ts';
import { VERSION } from '../version.ts';
import type { CommandContext, CommandModule } from './frame/command.ts';

export const up: CommandModule = {
  command: 'up',
  describe: 'bring a cluster up in this allocation; returns when it is usable',
  group: 'cluster',
  example: [
    ['unet up && eval "$(unet env)"', 'bring it up, and point kubectl at it'],
    ['unet up --pack my.pack', 'without internet: everything is in the pack of unet pack'],
    ['unet up --min-nodes 6 --timeout 10m', 'six Ready nodes of the allocation are enough'],
  ],
  settings: 'all',
  json: true,
  handler: (context) => runUp(context),
};

/** The command's logic, also for `unet rehearse`, which is the same with other defaults. */
export async function runUp(context: CommandContext): Promise<number> {
  const { env, cwd, signal, stderr, stdout, say } = context;
  const releaseGiven = context.origins.release?.source !== 'default';
  const settings = await settingsWithPack({ settings: context.settings, releaseGiven, env, cwd, signal });
  const job = await findJob({ settings, env, cwd, unet: VERSION, signal, begins: true });
  const there = await runOnLead(job, { fromNodes: true, signal, say });
  if (there !== undefined) {
    return there;
  }
  const renderer = rendererWhenNeeded({
    output: settings.output,
    stream: stderr,
    resultStream: stdout,
    env,
  });
  try {
    const { error, outcome } = await bringUp(job, renderer.event, signal);
    await renderer.end();
    if (outcome === 'usable' && settings.output !== 'json') {
      say('next: eval "$(unet env)", then kubectl; unet status shows the nodes, unet down takes them down');
    }
    return error === undefined ? EXIT.done : (error.exitCode ?? EXIT.failed);
  } finally {
    await renderer.end();
  }
}
