/** `unet node agent` and `unet node supervisor`: the resident processes, which unet starts itself. */
import { readFile, rm } from 'node:fs/promises';
import { hostname } from 'node:os';
import { EXIT, UnetError } from '../errors.ts';
import type { SupervisorRequest } from '../lead/request.ts';
import { serve } from '../lead/serve.ts';
import { runAgent } from '../node/agent.ts';
import { VERSION } from '../version.ts';
import type { CommandModule } from './frame/command.ts';

type Args = { role: 'agent' | 'supervisor'; node?: string; job?: string; request?: string };

export const node: CommandModule<Args> = {
  command: 'node <role>',
  describe: 'the resident processes; unet starts them itself',
  group: 'site',
  hidden: true,
  example: [['unet node agent --job slurm-42', 'what srun starts on each node']],
  settings: [],
  positionals: { role: { type: 'string', choices: ['agent', 'supervisor'], describe: 'which one', demandOption: true } },
  builder: {
    node: { type: 'string', describe: 'name of this node in the allocation' },
    job: { type: 'string', describe: 'job id, to be seen in a list of processes' },
    request: { type: 'string', describe: 'file that says what to supervise' },
  },
  async handler({ args, env, signal }) {
    if (args.role === 'agent') {
      return await runAgent({
        node: args.node ?? env.SLURMD_NODENAME ?? hostname(),
        unet: VERSION,
        input: process.stdin,
        output: process.stdout,
        env,
        signal,
      });
    }
    if (args.request === undefined) {
      throw new UnetError('UNET_USAGE', 'unet node supervisor is started by unet up');
    }
    const request = JSON.parse(await readFile(args.request, 'utf8')) as SupervisorRequest;
    await rm(args.request, { force: true });
    await serve({ ...request, env, signal });
    return EXIT.done;
  },
};
