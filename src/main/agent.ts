/** The entry of dist/agent.js: `unet node agent`, which a launcher or a prolog starts on each node. */
import '../process/inherited.ts';
import '../process/umask.ts';
import { hostname } from 'node:os';
import { parseArgs } from 'node:util';
import { EXIT, errorMessage, UnetError } from '../errors.ts';
import { runAgent } from '../node/agent.ts';
import { runAttachedAgent } from '../node/attached-agent.ts';
import { interruptions } from '../process/signals.ts';
import { VERSION } from '../version.ts';

const USAGE = `usage: unet node agent [--node NAME] [--job ID]     started on each node by the launcher
       unet node agent --presence FILE             started by unet node up
unet starts its agents itself; see unet --help for the commands to type.`;

process.exit(await main(process.argv.slice(4)));

async function main(argv: string[]): Promise<number> {
  try {
    const { node, presence, help } = parse(argv);
    if (help === true) {
      console.error(USAGE);
      return EXIT.done;
    }
    const { env } = process;
    const signal = interruptions();
    if (presence !== undefined) {
      return await runAttachedAgent({ presence, unet: VERSION, env, signal });
    }
    return await runAgent({
      node: node ?? env.SLURMD_NODENAME ?? hostname(),
      unet: VERSION,
      input: process.stdin,
      output: process.stdout,
      env,
      signal,
    });
  } catch (error) {
    const { code, message, exitCode } = UnetError.from(error);
    console.error(`${code}: ${message}`);
    return exitCode;
  }
}

function parse(argv: string[]) {
  try {
    const { values } = parseArgs({
      args: argv,
      options: {
        node: { type: 'string' },
        // Shown in a list of processes.
        job: { type: 'string' },
        presence: { type: 'string' },
        help: { type: 'boolean' },
      },
    });
    return values;
  } catch (error) {
    throw new UnetError('UNET_USAGE', errorMessage(error));
  }
}
