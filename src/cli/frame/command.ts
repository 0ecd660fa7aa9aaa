/** What a command of `unet` is: one module, and what its handler is given. */
import type { Options, PositionalOptions } from 'yargs';
import type { Origins } from '../../config/load.ts';
import type { SettingKey } from '../../config/options.ts';
import type { Settings } from '../../config/schema.ts';

export const COMMAND_GROUPS = {
  cluster: 'The cluster',
  use: 'Working in it',
  site: 'This machine and unet itself',
} as const;
export type CommandGroup = keyof typeof COMMAND_GROUPS;

/**
 * One command.
 *
 *     export const status: CommandModule<{ watch?: boolean }> = {
 *       command: 'status',
 *       describe: 'nodes, phases, time left in the allocation',
 *       group: 'use',
 *       example: [['unet status --json | jq .phase', 'the phase, for a script']],
 *       settings: ['name', 'jobDir', 'allocation'],
 *       json: true,
 *       builder: { watch: { type: 'boolean', describe: 'show it again at every change' } },
 *       async handler({ args, settings, out }) { out('ready'); return 0; },
 *     };
 */
// biome-ignore lint/complexity/noBannedTypes: no arguments of its own is the usual case
export type CommandModule<Args extends object = {}> = {
  /** Name and positionals as yargs writes them: `status`, `attr <name>`, `logs [node]`. */
  command: string;
  describe: string;
  group: CommandGroup;
  /** Command line and what it does; at least one. */
  example: readonly (readonly [string, string])[];
  /**
   * The settings that the command uses, and so the flags that it has. All settings are loaded in any case, but
   * what is wrong with the others is only a warning. With `[]` nothing is read and `settings` are the defaults.
   */
  settings: readonly SettingKey[] | 'all';
  /** The command has `--json`; the handler finds it as `json`, and as `settings.output`. */
  json?: boolean;
  /** Flags of its own, kebab-case, as yargs options. A list and not a function: "did you mean" reads it. */
  builder?: Readonly<Record<string, Options>>;
  positionals?: Readonly<Record<string, PositionalOptions>>;
  /**
   * What `rest` gets. `dashes`: all that stands behind the first `--`. `everything`: all behind the command's
   * name, untouched, `--help` and unknown flags included. Otherwise `--` is refused.
   */
  rest?: 'dashes' | 'everything';
  /** For a command with actions: one line for each with its arguments, shown below the usage. */
  actions?: readonly string[];
  /** What stands before its name when it is called; `unet` unless it says otherwise, `unet kube` for a command of those. */
  program?: string;
  /** Not in `unet --help`; for commands that unet runs itself. */
  hidden?: boolean;
  /** Resolves with the exit code. What it throws is rendered and gives its own. */
  handler: (context: CommandContext<Args>) => Promise<number>;
};

// biome-ignore lint/complexity/noBannedTypes: see CommandModule
export type CommandContext<Args extends object = {}> = {
  /** Flags of `builder` and positionals, under the names they were declared with. */
  args: Args;
  rest: readonly string[];
  settings: Settings;
  origins: Origins;
  /** Configuration files that were read. */
  configFiles: readonly string[];
  json: boolean;
  env: NodeJS.ProcessEnv;
  cwd: string;
  stdout: NodeJS.WritableStream;
  stderr: NodeJS.WritableStream;
  /** Aborted by the owner of the signals, with a UnetError as its reason. */
  signal: AbortSignal;
  /** Aborted when the reader of stdout or stderr has gone (`| head -1`): a reason to stop showing, not to stop work. */
  outputClosed: AbortSignal;
  /** A line of result, on stdout. */
  out: (line: string) => void;
  /** A line for people, on stderr. */
  say: (line: string) => void;
};

/** Any command, whatever its arguments. */
// biome-ignore lint/suspicious/noExplicitAny: arguments are each command's own affair
export type AnyCommand = CommandModule<any>;

/** `unet attr`: how the command is called. */
export function calledAs(command: AnyCommand): string {
  return `${command.program ?? 'unet'} ${nameOf(command)}`;
}

/** `attr` of `attr <name>`. */
export function nameOf(command: AnyCommand): string {
  return command.command.split(' ', 1)[0] ?? command.command;
}
