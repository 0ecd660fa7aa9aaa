/** `unet node up` and `unet node down`: what the prolog and the epilog of a scheduler run on each node, as the job's user. */

import { EXIT, UnetError } from '../errors.ts';
import { errorLines } from '../events/error-text.ts';
import { nodeDown } from '../hooks/node-down.ts';
import { nodeUp } from '../hooks/node-up.ts';
import { askedOf } from '../hooks/opt-in.ts';
import { readRequest } from '../hooks/request.ts';
import { HOOK_SCHEDULERS, type HookScheduler } from '../hooks/schedulers.ts';
import { parseDuration } from '../setting/duration.ts';
import { VERSION } from '../version.ts';
import type { CommandContext, CommandModule } from './frame/command.ts';

const ACTIONS = ['up', 'down'] as const;

type Args = { action: (typeof ACTIONS)[number]; scheduler: HookScheduler; deadline: string };

export const node: CommandModule<Args> = {
  command: 'node <action>',
  describe:
    "this node's part of a cluster, for prolog (up) and epilog (down); unet hooks install writes those",
  group: 'site',
  hidden: true,
  example: [
    [
      'flux job info $FLUX_JOB_ID jobspec | unet node up --scheduler flux',
      'in a prolog: the job asks on standard input',
    ],
    [
      'unet node down --scheduler slurm --deadline 60s',
      'in an epilog: nothing of the job stays on this node',
    ],
  ],
  settings: ['jobDir', 'nodeDir'],
  positionals: { action: { type: 'string', choices: ACTIONS, describe: 'up or down', demandOption: true } },
  builder: {
    scheduler: { choices: HOOK_SCHEDULERS, demandOption: true, describe: 'whose prolog or epilog this is' },
    deadline: { type: 'string', default: '60s', describe: 'how long down may take' },
  },
  handler: (context) => (context.args.action === 'up' ? up(context) : down(context)),
};

async function up({ args, env, cwd, signal, out }: CommandContext<Args>): Promise<number> {
  const { scheduler } = args;
  const request = await readRequest(process.stdin);
  const asked = askedOf(scheduler, request, env);
  if (asked === undefined) {
    return EXIT.done;
  }
  const { jobId, node: name, did } = await nodeUp({ scheduler, asked, env, cwd, unet: VERSION, signal });
  const what = {
    started: `the agent of ${name} is started, for the cluster of ${jobId}`,
    found: `the agent of ${name} runs already`,
    'left out': `${name} is not among the nodes that ${jobId} asked for`,
  };
  out(what[did]);
  return EXIT.done;
}

async function down({ args, settings, env, cwd, out, say }: CommandContext<Args>): Promise<number> {
  const { scheduler } = args;
  const deadlineMs = parseDuration(args.deadline);
  if (deadlineMs === undefined) {
    throw new UnetError('UNET_USAGE', `--deadline "${args.deadline}" is not a duration such as 90s`);
  }
  const { jobId, found, problems } = await nodeDown({
    scheduler,
    settings,
    env,
    cwd,
    unet: VERSION,
    deadlineMs,
  });
  problems.flatMap((problem) => errorLines(problem.toRecord())).forEach((line) => void say(line));
  if (found) {
    out(problems.length === 0 ? `nothing of ${jobId} is left here` : `something of ${jobId} is left here`);
  }
  return problems.length === 0 ? EXIT.done : EXIT.failed;
}
