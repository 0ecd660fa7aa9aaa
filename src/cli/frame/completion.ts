/** `unet completion`, and what the generated scripts ask for: yargs makes both, for the shell that is named. */
import { didYouMean } from '../../config/suggest.ts';
import { UnetError } from '../../errors.ts';
import { type AnyCommand, type CommandModule, nameOf } from './command.ts';
import { bareParser, declare } from './help.ts';

export const COMPLETION_FLAG = '--get-yargs-completions';
const SHELLS = ['bash', 'zsh'] as const;
type Shell = (typeof SHELLS)[number];

/** The command `unet completion [bash|zsh]`. */
export const completion: CommandModule<{ shell?: string }> = {
  command: 'completion [shell]',
  describe: 'the completion script for a shell (default: that of $SHELL)',
  group: 'site',
  example: [
    ['source <(unet completion bash)', 'in this shell; add it to ~/.bashrc to keep it'],
    ['unet completion zsh > ~/.zfunc/_unet', 'for zsh, with ~/.zfunc in fpath before compinit'],
  ],
  settings: [],
  positionals: { shell: { type: 'string', choices: SHELLS, describe: 'bash or zsh' } },
  async handler({ args, env, out }) {
    const shell = SHELLS.find((name) => name === (args.shell ?? basename(env.SHELL ?? 'bash')));
    if (shell === undefined) {
      const hint = didYouMean(basename(env.SHELL ?? ''), SHELLS);
      throw new UnetError('UNET_USAGE', `no completion for the shell ${env.SHELL}${hint}; name bash or zsh`);
    }
    out(completionScript(shell));
    return 0;
  },
};

/**
 * The script as yargs makes it. yargs decides by $SHELL of the moment which words it gives; a bash inside a zsh
 * login would get zsh's, so the script says for which shell it asks.
 */
export function completionScript(shell: Shell): string {
  const script = printed(shell, () => void bareParser([]).showCompletionScript()).join('\n');
  return script
    .replaceAll(`unet ${COMPLETION_FLAG}`, `SHELL=${shell} ZSH_NAME= unet ${COMPLETION_FLAG}`)
    .trimEnd();
}

/** Candidates for the last of `words`, the first of which is `unet`; none behind `--` and in passed-on arguments. */
export function completions(
  words: readonly string[],
  commands: readonly AnyCommand[],
  env: NodeJS.ProcessEnv,
): readonly string[] {
  const before = words.slice(1, -1);
  const chosen = commands.find((command) => nameOf(command) === before[0]);
  if (before.includes('--') || chosen?.rest === 'everything') {
    return [];
  }
  return printed((env.SHELL ?? '').includes('zsh') ? 'zsh' : 'bash', () => {
    // Not its getCompletion(), which knows nothing of the flags of a command.
    const parser = bareParser([COMPLETION_FLAG, ...words]);
    for (const command of commands.filter(({ hidden }) => hidden !== true)) {
      parser.command(command.command, command.describe, (builder) =>
        declare(builder, command, { choices: true }),
      );
    }
    parser.parse();
  });
}

/** What yargs prints in `action`, all of it at once. It has no other way to hand things over than console.log. */
function printed(shell: Shell, action: () => void): string[] {
  const lines: string[] = [];
  const write = console.log;
  console.log = (text: unknown) => void lines.push(String(text));
  try {
    asIfIn(shell, action);
  } finally {
    console.log = write;
  }
  return lines;
}

/** Runs `action` with the variables by which yargs tells shells apart. It reads them from the process, at once. */
function asIfIn(shell: Shell, action: () => void): void {
  const { SHELL, ZSH_NAME } = process.env;
  process.env.SHELL = shell;
  delete process.env.ZSH_NAME;
  try {
    action();
  } finally {
    restore('SHELL', SHELL);
    restore('ZSH_NAME', ZSH_NAME);
  }
}

function restore(name: string, value: string | undefined): void {
  if (value === undefined) {
    delete process.env[name];
  } else {
    process.env[name] = value;
  }
}

function basename(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}
