/** The commands of `unet kube`, and their help in the form of Flux's own commands. */
import { VERSION } from '../version.ts';
import { type CliOptions, createCli } from './frame/cli.ts';
import { type AnyCommand, nameOf } from './frame/command.ts';
import { cancel } from './kube-cancel.ts';
import { daemon } from './kube-daemon.ts';
import { get } from './kube-get.ts';
import { epilog, follow, installFlux, prolog } from './kube-hooks.ts';
import { jobs } from './kube-jobs.ts';
import { mini } from './kube-mini.ts';
import { run } from './kube-run.ts';
import { submit } from './kube-submit.ts';
import { translate } from './kube-translate.ts';

const COMMANDS: readonly AnyCommand[] = [
  get,
  translate,
  submit,
  cancel,
  mini,
  jobs,
  run,
  daemon,
  installFlux,
  prolog,
  epilog,
  follow,
];

/** Set by the file that `unet kube install-flux` writes. */
const AS_FLUX_COMMAND = 'UNET_KUBE_AS_FLUX';

/** Runs one of them, and resolves with its exit code. */
export async function runKube(
  words: readonly string[],
  options: Required<Pick<CliOptions, 'env' | 'cwd' | 'stdout' | 'stderr' | 'signal'>>,
): Promise<number> {
  const program = options.env[AS_FLUX_COMMAND] === '1' ? 'flux kube' : 'unet kube';
  const commands = COMMANDS.map((command) => ({
    ...command,
    program,
    example: command.example.map(([line, what]) => [line.replace(/^unet kube/, program), what] as const),
  }));
  return await createCli(words, commands, {
    ...options,
    version: VERSION,
    overview: (all) => overview(program, all),
  }).run();
}

/** As of flux-kvs(1). */
function overview(program: string, commands: readonly AnyCommand[]): string {
  const shown = commands.filter(({ hidden }) => hidden !== true);
  const width = Math.max(...shown.map((command) => nameOf(command).length)) + 3;
  return [
    `Usage: ${program} [OPTIONS] COMMAND ARGS`,
    '  -h, --help             Display this message.',
    '',
    `Common commands from ${program.replace(' ', '-')}:`,
    ...shown.map((command) => `   ${nameOf(command).padEnd(width)}${command.describe}`),
    '',
    `See '${program} COMMAND --help' for more information about a specific command.`,
  ].join('\n');
}
