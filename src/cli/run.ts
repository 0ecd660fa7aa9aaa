/** `unet run -- CMD`: up, CMD with KUBECONFIG, down always. */

import { existsSync } from 'node:fs';
import which from 'which';
import { EXIT, UnetError } from '../errors.ts';
import { rendererWhenNeeded } from '../events/renderer.ts';
import { searchPath } from '../process/environment.ts';
import { runForeground } from '../process/foreground.ts';
import { commandVariables } from '../session/cluster-variables.ts';
import { bringUp } from '../session/follow-bring-up.ts';
import { findJob, type Job, usableCluster } from '../session/job.ts';
import { runOnLead } from '../session/on-lead.ts';
import { settingsWithPack } from '../session/settings-with-pack.ts';
import { takeDown } from '../session/take-down.ts';
import { type Loss, watchLoss } from '../session/watch-loss.ts';
import { VERSION } from '../version.ts';
import type { CommandModule } from './frame/command.ts';

const ON_LOSS = ['keep', 'stop'] as const;

type Args = { 'on-loss': (typeof ON_LOSS)[number] };

export const run: CommandModule<Args> = {
  command: 'run',
  describe:
    'bring a cluster up, run a command with KUBECONFIG set, always take it down; exits with the command’s code',
  group: 'cluster',
  example: [
    ['unet run -- ./workflow.sh', 'the whole of a batch script'],
    ['unet run --min-nodes 6 -- kubectl get nodes', 'flags of unet go before the dashes'],
  ],
  settings: 'all',
  rest: 'dashes',
  builder: {
    'on-loss': {
      choices: ON_LOSS,
      default: 'keep',
      describe: 'when the cluster or a node is lost: let the command go on, or stop it',
    },
  },
  async handler({ args, settings: asked, origins, env, cwd, signal, stderr, stdout, rest, say }) {
    if (rest.length === 0) {
      throw new UnetError('UNET_USAGE', 'unet run needs a command: unet run -- CMD');
    }
    const releaseGiven = origins.release?.source !== 'default';
    const settings = await settingsWithPack({ settings: asked, releaseGiven, env, cwd, signal });
    if (rest[0] !== 'kubectl' || settings.pack === undefined) {
      await refuseMissing(rest[0] ?? '', env);
    }
    const job = await findJob({ settings, env, cwd, unet: VERSION, signal, begins: true });
    const there = await runOnLead(job, { needsLead: true, input: true, signal, say });
    if (there !== undefined) {
      return there;
    }
    const renderer = rendererWhenNeeded({
      output: settings.output,
      stream: stderr,
      resultStream: stdout,
      env,
    });
    let owned = false;
    try {
      const { started, outcome, error } = await bringUp(job, renderer.event, signal);
      // A cluster that was there before stays: the command that made it takes it down. What is retained is for inspection.
      owned = started && !(outcome === 'failed' && settings.retain);
      await renderer.end();
      if (error !== undefined) {
        say(`unet: the command was not started: ${error.message}`);
        return error.exitCode ?? EXIT.failed;
      }
      return await inCluster(job, rest, { env, cwd, signal, say, stopOnLoss: args['on-loss'] === 'stop' });
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
  // With a slash it is looked for from here, as a shell does it.
  if ((await which(command, { path: searchPath(env), nothrow: true })) !== null) {
    return;
  }
  const isThere = command.includes('/') && existsSync(command);
  throw new UnetError(
    'UNET_COMMAND_NOT_FOUND',
    isThere ? `${command}: cannot be executed` : `${command}: command not found`,
    { exitCode: isThere ? 126 : 127, ...(isThere ? { remedy: `chmod +x ${command}` } : {}) },
  );
}

type CommandOptions = {
  env: NodeJS.ProcessEnv;
  cwd: string;
  signal: AbortSignal;
  say: (line: string) => void;
  stopOnLoss: boolean;
};

/** The command's own exit code; where it is 0 although the cluster or a node was lost, that of the loss. */
async function inCluster(
  job: Job,
  command: readonly string[],
  { env, cwd, signal, say, stopOnLoss }: CommandOptions,
): Promise<number> {
  const variables = commandVariables(await usableCluster(job), job.paths, env);
  const stop = new AbortController();
  const ended = new AbortController();
  const losses: Loss[] = [];
  const watching = (async () => {
    for await (const loss of watchLoss(job, ended.signal)) {
      losses.push(loss);
      say(`unet: warning: ${loss.message}`);
      if (stopOnLoss) {
        stop.abort();
      }
    }
  })().catch((error: unknown) =>
    say(`unet: warning: losses of the cluster will not be noticed: ${UnetError.from(error).message}`),
  );
  const code = await runForeground(command, {
    env: { ...env, ...variables },
    cwd,
    signal: AbortSignal.any([signal, stop.signal]),
  });
  ended.abort();
  await watching;
  if (losses.length === 0) {
    return code;
  }
  const what = losses.map(({ message }) => message).join('; ');
  say(`unet: the command exited with ${code}, after a loss: ${what}`);
  const ofCluster = losses.some((loss) => loss.of === 'cluster');
  return code === EXIT.done ? (ofCluster ? EXIT.failed : EXIT.nodesMissing) : code;
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
