/** The texts of `unet --help` and `unet COMMAND --help`. */
import yargs, { type Argv } from 'yargs';
import { type AnyCommand, COMMAND_GROUPS, type CommandGroup, nameOf } from './command.ts';
import { HELP_GROUP, readsConfig, yargsOptions } from './flags.ts';

declare module 'yargs' {
  // yargs 18 has it, the types are of 17.
  interface Argv<T> {
    usageConfiguration(configuration: { 'hide-types'?: boolean }): Argv<T>;
  }
}

const MAX_COLUMNS = 110;

/** All commands by group. */
export function overview(commands: readonly AnyCommand[]): string {
  const shown = commands.filter((command) => command.hidden !== true);
  const width = Math.max(0, ...shown.map(({ command }) => command.length));
  const groups = (Object.keys(COMMAND_GROUPS) as CommandGroup[]).flatMap((group) => {
    const lines = shown
      .filter((command) => command.group === group)
      .map((command) => `  unet ${command.command.padEnd(width)}  ${command.describe}`);
    return lines.length === 0 ? [] : [`${COMMAND_GROUPS[group]}:`, ...lines, ''];
  });
  const [first] = shown.flatMap(({ example }) => example);
  return [
    'unet COMMAND [flags]: a Kubernetes cluster inside a batch job',
    '',
    ...groups,
    ...(first === undefined ? [] : ['Example:', `  ${first[0]}   # ${first[1]}`, '']),
    'Every command has --help. Settings also come from UNET_* variables and unet.yaml: see unet config.',
  ].join('\n');
}

/** The help of one command: how it is called, its flags with their variables, examples. */
export async function commandHelp(command: AnyCommand, columns: number | undefined): Promise<string> {
  const parser = bareParser([nameOf(command)]).wrap(Math.min(columns ?? 80, MAX_COLUMNS));
  parser.command(command.command, command.describe, (builder) =>
    declare(builder, command, { choices: false }),
  );
  return await parser.getHelp();
}

/** Everything that `command` declares, on a yargs of its own. */
export function declare(parser: Argv, command: AnyCommand, how: { choices: boolean }): Argv {
  const behind = { dashes: ' -- COMMAND [ARGS...]', everything: ' [ARGS...]' };
  const rest = command.rest === undefined ? '' : behind[command.rest];
  const flags = command.rest === 'everything' ? '' : ' [flags]';
  const actions = (command.actions ?? []).map((line) => `\n  ${line}`).join('');
  parser.usage(
    `${command.program ?? 'unet'} ${command.command}${flags}${rest}\n\n${sentence(command.describe)}${actions && `\n${actions}`}`,
  );
  for (const [name, option] of Object.entries(command.positionals ?? {})) {
    if (command.rest !== 'everything' && name in yargsOptions(command, how)) {
      throw new TypeError(`${command.command}: the positional ${name} has the name of a flag`);
    }
    parser.positional(name, how.choices ? option : withoutChoices(option));
  }
  if (command.rest !== 'everything') {
    parser.options(yargsOptions(command, how));
    parser.option('help', { type: 'boolean', alias: 'h', group: HELP_GROUP, describe: 'this text' });
  }
  parser.example(command.example.map(([line, what]): [string, string] => [line, what]));
  return parser.epilogue(epilogue(command));
}

/** A yargs that neither prints nor exits, and has nothing but what it is given. */
export function bareParser(words: readonly string[]): Argv {
  return yargs([...words])
    .scriptName('unet')
    .locale('en')
    .help(false)
    .version(false)
    .exitProcess(false)
    .showHelpOnFail(false)
    .usageConfiguration({ 'hide-types': true })
    .parserConfiguration({
      'camel-case-expansion': false,
      'dot-notation': false,
      'greedy-arrays': false,
      'short-option-groups': false,
    });
}

function epilogue(command: AnyCommand): string {
  if (command.rest === 'everything') {
    return 'Everything after the name is passed on unchanged. Variables: UNET_CONFIG, and UNET_* of unet config.';
  }
  return readsConfig(command)
    ? 'Variables stand in [brackets]; unet config shows each setting and where it came from.'
    : 'Variables: UNET_DEBUG=1 shows the stack of a defect.';
}

function withoutChoices<T extends { choices?: unknown; describe?: string | undefined }>(option: T): T {
  const { choices, ...rest } = option;
  const listed = Array.isArray(choices) ? ` (${choices.join(', ')})` : '';
  return { ...rest, describe: `${option.describe ?? ''}${listed}` } as T;
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}
