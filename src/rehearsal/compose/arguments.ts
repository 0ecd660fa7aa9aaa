/** A compose command line, as far as the stand-in understands it. */
export interface ComposeArguments {
  project?: string;
  files: string[];
  command: string;
  /** Flags of the command, without their values. */
  flags: Set<string>;
  /** -e of exec. */
  env: Record<string, string>;
  /** Everything behind the flags: for exec the service and the command line. */
  rest: string[];
}

/** The command line is not one that compose would take. */
export class ComposeUsageError extends Error {
  override name = 'ComposeUsageError';
}

const flagsWithValue = new Set([
  '-e',
  '--env',
  '-w',
  '--workdir',
  '-t',
  '--timeout',
  '--index',
  '--user',
  '-u',
  '--format',
  '--tail',
]);

/**
 * Reads `[-p NAME] [-f FILE]… COMMAND [FLAGS] [REST]`.
 *
 * @throws ComposeUsageError
 */
export function parseComposeArguments(argv: readonly string[]): ComposeArguments {
  const words = [...argv];
  const result: ComposeArguments = { files: [], command: '', flags: new Set(), env: {}, rest: [] };
  while (words[0]?.startsWith('-')) {
    const [flag, value] = takeFlag(words, new Set(['-p', '--project-name', '-f', '--file', '--podman-args']));
    if (flag === '-p' || flag === '--project-name') result.project = value ?? '';
    else if (flag === '-f' || flag === '--file') result.files.push(value ?? '');
    else if (flag === '-v' || flag === '--version') words.unshift('version');
    else if (flag !== '--podman-args' && flag !== '--ansi')
      throw new ComposeUsageError(`unrecognized arguments: ${flag}`);
  }
  result.command = words.shift() ?? '';
  if (result.command === '') throw new ComposeUsageError('a command is required');
  while (words[0]?.startsWith('-')) {
    const [flag, value] = takeFlag(words, flagsWithValue);
    if (flag === '-e' || flag === '--env') addVariable(result.env, value ?? '');
    else result.flags.add(flag);
  }
  result.rest = words;
  return result;
}

function takeFlag(words: string[], withValue: ReadonlySet<string>): [string, string | undefined] {
  const word = words.shift() ?? '';
  const [flag = '', ...inline] = word.startsWith('--') ? word.split('=') : [word];
  if (inline.length > 0) return [flag, inline.join('=')];
  if (!withValue.has(flag)) return [flag, undefined];
  const value = words.shift();
  if (value === undefined) throw new ComposeUsageError(`argument ${flag}: expected one argument`);
  return [flag, value];
}

function addVariable(env: Record<string, string>, text: string): void {
  const [name = '', ...value] = text.split('=');
  env[name] = value.length > 0 ? value.join('=') : (process.env[name] ?? '');
}
