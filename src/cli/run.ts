/** `unet run -- CMD`: up, CMD with KUBECONFIG, down always. */

import { existsSync } from 'node:fs';
import which from 'which';
import { UnetError } from '../errors.ts';
import { rendererWhenNeeded } from '../events/renderer.ts';
import { runForeground } from '../process/foreground.ts';
import { commandVariables } from '../session/cluster-variables.ts';
import { bringUp } from '../session/follow-bring-up.ts';
import { findJob, type Job, usableCluster } from '../session/job.ts';
import { settingsWithPack } from '../session/settings-with-pack.ts';
import { takeDown } from '../session/take-down.ts';
import { VERSION } from '../version.ts';
import type { CommandModule } from './frame/command.ts';

export const run: CommandModule = {
  command: 'run',
  describe: "up, a command with KUBECONFIG set, always down; exits with the command's code",
  group: 'cluster',
  example: [
    ['unet run -- ./workflow.sh', 'the whole of a batch script'],
    ['unet run --min-nodes 6 -- kubectl get nodes', 'flags of unet stand before the dashes'],
  ],
  settings: 'all',
  rest: 'dashes',
  async handler({ settings: asked, origins, env, cwd, signal, stderr, stdout, rest }) {
    if (rest.length === 0) {
      throw new UnetError('UNET_USAGE', 'unet run needs a command: unet run -- CMD');
    }
    const releaseGiven = origins.release?.source !== 'default';
    const settings = await settingsWithPack({ settings: asked, releaseGiven, env, cwd, signal });
    if (rest[0] !== 'kubectl' || settings.pack === undefined) {
      await refuseMissing(rest[0] ?? '', env);
    }
    const job = await findJob({ settings, env, cwd, unet: VERSION, signal });
    const renderer = rendererWhenNeeded({
      output: settings.output,
      stream: stderr,
      resultStream: stdout,
      env,
    });
    let owned = false;
    try {
      const { started, outcome, error } = await bringUp(job, renderer.event, signal);
      // A cluster that was there before stays: who made it takes it down. What is retained is for a look.
      owned = started && !(outcome === 'failed' && settings.retain);
      await renderer.end();
      return error?.exitCode ?? (await inCluster(job, rest, env, cwd, signal));
    } finally {
      await renderer.end();
      if (owned) {
        await end(job, stderr, env, settings.output);
      }
      signal.throwIfAborted();
    }
  },
};

/** Before anything is started for it. A kubectl may be in the pack. */
async function refuseMissing(command: string, env: NodeJS.ProcessEnv): Promise<void> {
  if ((await which(command, { path: env.PATH ?? '', nothrow: true })) === null && !existsSync(command)) {
    throw new UnetError('UNET_COMMAND_NOT_FOUND', `${command}: command not found`);
  }
}

async function inCluster(
  job: Job,
  command: readonly string[],
  env: NodeJS.ProcessEnv,
  cwd: string,
  signal: AbortSignal,
): Promise<number> {
  const variables = commandVariables(await usableCluster(job), job.paths, env);
  return await runForeground(command, { env: { ...env, ...variables }, cwd, signal });
}

async function end(
  job: Job,
  stream: NodeJS.WritableStream,
  env: NodeJS.ProcessEnv,
  output: 'auto' | 'terminal' | 'plain' | 'json',
): Promise<void> {
  const renderer = rendererWhenNeeded({ output: output === 'json' ? 'plain' : output, stream, env });
  try {
    await takeDown(job, renderer.event, 'the command has ended');
  } finally {
    await renderer.end();
  }
}
