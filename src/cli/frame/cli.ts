/** From words to a command and its exit code: what all commands of `unet` share. */
import { type FlagValues, type LoadedSettings, loadSettings } from '../../config/load.ts';
import { didYouMean } from '../../config/suggest.ts';
import { EXIT, UnetError } from '../../errors.ts';
import { type AnyCommand, calledAs, nameOf } from './command.ts';
import { COMPLETION_FLAG, completions } from './completion.ts';
import { renderFailure } from './failure.ts';
import { readsConfig, refuseUnknownFlags, refuseWrongValues, settingsOf } from './flags.ts';
import { bareParser, commandHelp, declare, overview } from './help.ts';
import { createOutput, type Output } from './output.ts';

export type CliOptions = {
  version: string;
  stdout: NodeJS.WritableStream;
  stderr: NodeJS.WritableStream;
  env?: NodeJS.ProcessEnv;
  cwd?: string;
  /** The help for all commands together; that of `unet` unless given. */
  overview?: (commands: readonly AnyCommand[]) => string;
  /** From the owner of the signals; abort it with a UnetError, whose exit code is then the command's. */
  signal?: AbortSignal;
};

export type Cli = {
  /** Runs to the end and resolves with the exit code; never rejects. Set process.exitCode, so that pipes drain. */
  run: () => Promise<number>;
};

/**
 * The command line of `unet`.
 *
 *     const cli = createCli(process.argv.slice(2), commands, { version, stdout: process.stdout, stderr: process.stderr, signal });
 *     process.exitCode = await cli.run();
 */
export function createCli(
  argv: readonly string[],
  commands: readonly AnyCommand[],
  options: CliOptions,
): Cli {
  const output = createOutput(options.stdout, options.stderr);
  const { env = process.env, signal } = options;
  return {
    async run() {
      let code: number;
      try {
        code = await dispatch(argv, commands, output, options);
      } catch (error) {
        const thrown = isAbort(error) && signal?.aborted === true ? signal.reason : error;
        const json = wantsJson(argv, commands);
        code = renderFailure(thrown, output, { json, debug: env.UNET_DEBUG === '1' });
      }
      await output.flush();
      const failure = output.failure();
      return failure === undefined ? code : renderFailure(failure, output, { json: false, debug: false });
    },
  };
}

async function dispatch(
  argv: readonly string[],
  commands: readonly AnyCommand[],
  output: Output,
  options: CliOptions,
): Promise<number> {
  const [first, ...words] = argv;
  const { env = process.env, overview: describeAll = overview } = options;
  if (first === undefined) {
    output.say(describeAll(commands));
    return EXIT.usage;
  }
  if (first === COMPLETION_FLAG) {
    completions(words, commands, env).forEach((word) => void output.out(word));
    return EXIT.done;
  }
  if (first === '--version' || first === '-V') {
    output.out(options.version);
    return EXIT.done;
  }
  if (first === '--help' || first === '-h' || (first === 'help' && words.length === 0)) {
    output.out(describeAll(commands));
    return EXIT.done;
  }
  if (first === 'help') {
    output.out(await commandHelp(choose(words[0] ?? '', commands), columnsOf(options.stdout)));
    return EXIT.done;
  }
  if (first.startsWith('-')) {
    throw misplacedFlag(argv, commands);
  }
  const command = choose(first, commands);
  const { own, rest } = split(command, words);
  if (command.rest !== 'everything' && own.some((word) => word === '--help' || word === '-h')) {
    output.out(await commandHelp(command, columnsOf(options.stdout)));
    return EXIT.done;
  }
  return await runCommand(command, own, rest, output, options);
}

async function runCommand(
  command: AnyCommand,
  words: readonly string[],
  rest: readonly string[],
  output: Output,
  { env = process.env, cwd = process.cwd(), signal, stdout, stderr }: CliOptions,
): Promise<number> {
  refuseUnknownFlags(command, words);
  const args = parse(command, words);
  refuseWrongValues(command, args);
  const flags = flagsOf(command, args);
  const loaded = await load(command, flags, env, cwd);
  if (command.rest !== 'everything') {
    loaded.warnings.forEach((warning) => void output.say(`unet: warning: ${warning}`));
  }
  const { settings, origins, files } = loaded;
  return await command.handler({
    args,
    rest,
    settings,
    origins,
    configFiles: files,
    json:
      args.json === true ||
      (settingsOf(command).some(({ key }) => key === 'output') && settings.output === 'json'),
    env,
    cwd,
    stdout,
    stderr,
    signal: signal ?? new AbortController().signal,
    outputClosed: output.closed,
    out: output.out,
    say: output.say,
  });
}

function choose(name: string, commands: readonly AnyCommand[]): AnyCommand {
  const found = commands.find((command) => nameOf(command) === name);
  if (found === undefined) {
    const names = commands.filter(({ hidden }) => hidden !== true).map(nameOf);
    throw new UnetError(
      'UNET_USAGE',
      `unknown command ${name}${didYouMean(name, names) || `; see ${commands[0]?.program ?? 'unet'} --help`}`,
    );
  }
  return found;
}

function misplacedFlag(argv: readonly string[], commands: readonly AnyCommand[]): UnetError {
  const program = commands[0]?.program ?? 'unet';
  const name = argv.find((word) => commands.some((command) => nameOf(command) === word));
  const hint =
    name === undefined
      ? `${didYouMean(argv[0] ?? '', ['--help', '--version']) || `; see ${program} --help`}`
      : `; flags go after the command: ${program} ${name} ${argv.filter((word) => word !== name).join(' ')}`;
  return new UnetError('UNET_USAGE', `${name === undefined ? 'unknown flag ' : ''}${argv[0]}${hint}`);
}

/** What unet reads itself, and what it passes on. */
function split(
  command: AnyCommand,
  words: readonly string[],
): { own: readonly string[]; rest: readonly string[] } {
  if (command.rest === 'everything') {
    return { own: [], rest: words };
  }
  const dashes = words.indexOf('--');
  if (dashes < 0) {
    return { own: words, rest: [] };
  }
  if (command.rest === undefined) {
    throw new UnetError('UNET_USAGE', `${calledAs(command)} takes no arguments after --`);
  }
  return { own: words.slice(0, dashes), rest: words.slice(dashes + 1) };
}

function parse(command: AnyCommand, words: readonly string[]): Record<string, unknown> {
  let args: Record<string, unknown> = {};
  if (command.rest === 'everything') {
    return args;
  }
  // As the default command: for one with a name yargs writes the help text at every run, a tenth of our start.
  bareParser(words)
    .command(
      command.command.replace(nameOf(command), '$0'),
      command.describe,
      (builder) => declare(builder, command, { choices: false }),
      (parsed) => {
        args = { ...parsed };
      },
    )
    .strict()
    .fail((message, error) => {
      throw error instanceof Error && error.name !== 'YError'
        ? error
        : explain(message ?? error?.message ?? '', command);
    })
    .parse();
  const repeatable = new Set([
    ...settingsOf(command)
      .filter(({ kind }) => kind === 'keyed' || kind === 'list')
      .map(({ flag }) => flag),
    ...Object.keys(command.builder ?? {}).filter((name) => isList(command, name)),
  ]);
  const positional = new Set(Object.keys(command.positionals ?? {}));
  return Object.fromEntries(
    Object.entries(args)
      .filter(([name]) => !['_', '$0'].includes(name))
      // A flag given twice: the last one counts, as when a script appends to a line.
      .map(([name, value]) => [
        name,
        Array.isArray(value) && !repeatable.has(name) && !positional.has(name) ? value.at(-1) : value,
      ]),
  );
}

/** yargs' complaint in the words of the rest of unet. */
function explain(message: string, command: AnyCommand): UnetError {
  const name = calledAs(command);
  const extra = /^Unknown arguments?: (.*)$/.exec(message)?.[1];
  if (extra !== undefined) {
    const hint =
      command.rest === 'dashes' ? `; put a command after --: ${name} -- ${extra.replaceAll(',', '')}` : '';
    return new UnetError('UNET_USAGE', `unexpected argument ${extra}${hint || `; see ${name} --help`}`);
  }
  const valueless = /^Not enough arguments following: (.*)$/.exec(message)?.[1];
  if (valueless !== undefined) {
    return new UnetError('UNET_USAGE', `${valueless.length === 1 ? '-' : '--'}${valueless} needs a value`);
  }
  if (message.startsWith('Not enough non-option arguments')) {
    const needed = command.command.match(/<[^>]+>/g)?.join(' ') ?? 'more arguments';
    return new UnetError('UNET_USAGE', `${name} needs ${needed}; see ${name} --help`);
  }
  return new UnetError('UNET_USAGE', message.replaceAll('\n', ' '));
}

function flagsOf(command: AnyCommand, args: Readonly<Record<string, unknown>>): FlagValues {
  const flags: Record<string, unknown> = { config: args.config };
  for (const { key, flag } of settingsOf(command)) {
    flags[key] = args[flag];
  }
  const output = flags.output;
  if (args.json === true && settingsOf(command).some(({ key }) => key === 'output')) {
    if (output !== undefined && output !== 'json') {
      throw new UnetError('UNET_USAGE', `--json contradicts --output ${output}`);
    }
    flags.output = 'json';
  }
  return flags;
}

/** A command without settings must work whatever a configuration file says. */
function load(
  command: AnyCommand,
  flags: FlagValues,
  env: NodeJS.ProcessEnv,
  cwd: string,
): Promise<LoadedSettings> {
  if (!readsConfig(command)) {
    return loadSettings({ env: {}, cwd, flags: {}, defaultsOnly: true });
  }
  return loadSettings({ flags, env, cwd, only: command.settings === 'all' ? undefined : command.settings });
}

/** Decided on the words alone, so that wrong use is told in the wanted form, too. */
function wantsJson(argv: readonly string[], commands: readonly AnyCommand[]): boolean {
  const command = commands.find((one) => nameOf(one) === argv[0]);
  const own = argv.includes('--') ? argv.slice(0, argv.indexOf('--')) : argv;
  return (
    command !== undefined &&
    command.rest !== 'everything' &&
    (own.includes('--json') || own.includes('--output=json'))
  );
}

function isList(command: AnyCommand, name: string): boolean {
  const option = command.builder?.[name];
  return option?.array === true || option?.type === 'array';
}

function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === 'AbortError';
}

function columnsOf(stream: NodeJS.WritableStream): number | undefined {
  return 'columns' in stream && typeof stream.columns === 'number' ? stream.columns : undefined;
}
