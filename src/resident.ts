/**
 * The entry of dist/resident.js: the processes that unet starts itself, `unet node agent` and `unet node supervisor`. A
 * bundle of its own, since every node reads and compiles it before anything else can happen there.
 */
import './process/umask.ts';
import { appendFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { text as readText } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { EXIT, UnetError } from './errors.ts';
import { jobPaths } from './job/layout.ts';
import type { SupervisorRequest } from './lead/request.ts';
import { loadBundle } from './process/compiled.ts';
import { redact } from './process/redact.ts';
import { interruptions } from './process/signals.ts';
import { VERSION } from './version.ts';

const USAGE = `usage: unet node agent [--node NAME] [--job ID]     what the launcher starts on each node
       unet node agent --presence FILE             what unet node up starts
       unet node supervisor                        what unet up starts, with its request on standard input
These are started by unet itself; see unet --help for what a user types.`;

process.exit(await main(process.argv.slice(3)));

async function main(argv: string[]): Promise<number> {
  try {
    const { positionals, values } = parse(argv);
    const [role] = positionals;
    if (role === 'agent' && values.presence !== undefined) {
      const { runAttachedAgent } = load<typeof import('./attach/agent.ts')>('attached-agent');
      const { env } = process;
      return await runAttachedAgent({
        presence: values.presence,
        unet: VERSION,
        env,
        signal: interruptions(),
      });
    }
    if (role === 'agent') {
      return await agent(values.node);
    }
    if (role === 'supervisor' && values.help !== true) {
      return await supervisor();
    }
    console.error(USAGE);
    return values.help === true ? EXIT.done : EXIT.usage;
  } catch (error) {
    const { code, message } = UnetError.from(error);
    console.error(`${code}: ${message}`);
    return UnetError.from(error).exitCode;
  }
}

async function agent(node: string | undefined): Promise<number> {
  const { runAgent } = load<typeof import('./node/agent.ts')>('agent');
  return await runAgent({
    node: node ?? process.env.SLURMD_NODENAME ?? hostname(),
    unet: VERSION,
    input: process.stdin,
    output: process.stdout,
    env: process.env,
    signal: interruptions(),
  });
}

async function supervisor(): Promise<number> {
  const { serve } = load<typeof import('./lead/serve.ts')>('supervisor');
  const text = await readText(process.stdin);
  if (text === '') {
    return EXIT.done; // Started early, for a command that did not need it.
  }
  const request = JSON.parse(text) as SupervisorRequest;
  // A defect ends the supervisor, and so the cluster: what it was is in the log that stays.
  process.on('uncaughtException', (error) => {
    const text = redact(`${new Date().toISOString()} uncaught: ${error.stack ?? error.message}\n`);
    appendFileSync(jobPaths(request.jobDir).supervisorLog, text, { mode: 0o600 });
    process.exit(EXIT.failed);
  });
  if (!(await serve({ ...request, env: process.env, signal: interruptions() }))) {
    console.error(`another supervisor of ${request.allocation.jobId} is there already`);
  }
  return EXIT.done;
}

/** A bundle beside this one; see scripts/build.js. */
function load<T>(name: string): T {
  return loadBundle(fileURLToPath(new URL(`${name}.cjs`, import.meta.url)), process.env);
}

function parse(argv: string[]) {
  try {
    return parseArgs({
      args: argv,
      allowPositionals: true,
      options: {
        node: { type: 'string' },
        // To be seen in a list of processes.
        job: { type: 'string' },
        presence: { type: 'string' },
        // Read by bin/unet.js.
        'spare-agent': { type: 'string' },
        help: { type: 'boolean' },
      },
    });
  } catch (error) {
    throw new UnetError('UNET_USAGE', error instanceof Error ? error.message : String(error));
  }
}
