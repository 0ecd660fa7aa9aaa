/** The flags of a command, from its settings and its own list, and what is wrong with those that were typed. */
import type { Options } from 'yargs';
import { type SettingOption, settingOptions } from '../../config/options.ts';
import { didYouMean } from '../../config/suggest.ts';
import { UnetError } from '../../errors.ts';
import { type AnyCommand, calledAs } from './command.ts';

const OWN_GROUP = 'Flags:';
const SETTINGS_GROUP = 'Settings (flag, else variable, else unet.yaml, else default):';
const COMMON_GROUP = 'Always:';

/** The settings that are flags of `command`. */
export function settingsOf(command: AnyCommand): SettingOption[] {
  const { settings } = command;
  return settingOptions().filter(({ key }) => settings === 'all' || settings.includes(key));
}

/**
 * All options of `command` for yargs. Values of settings stay text: the schema reads them and says where a wrong
 * one came from. `choices` are given to yargs for completion only, for the same reason.
 */
export function yargsOptions(
  command: AnyCommand,
  { choices }: { choices: boolean },
): Record<string, Options> {
  const options: Record<string, Options> = {};
  for (const [name, option] of Object.entries(command.builder ?? {})) {
    const { choices: allowed, ...rest } = option;
    const listed = allowed === undefined ? '' : ` (${allowed.join(', ')})`;
    options[name] = {
      group: OWN_GROUP,
      ...rest,
      ...(takesValue(option) ? { requiresArg: true } : {}),
      describe: `${rest.describe ?? ''}${listed}`,
      ...(choices && allowed !== undefined ? { choices: allowed } : {}),
    };
  }
  if (command.json === true) {
    options.json = { type: 'boolean', group: OWN_GROUP, describe: 'JSON on stdout' };
  }
  for (const setting of settingsOf(command)) {
    options[setting.flag] = {
      ...(setting.kind === 'switch' ? { type: 'boolean' } : { type: 'string', requiresArg: true }),
      ...(setting.kind === 'keyed' || setting.kind === 'list' ? { array: true } : {}),
      ...(choices && setting.choices !== undefined ? { choices: setting.choices } : {}),
      group: SETTINGS_GROUP,
      describe: describeSetting(setting),
    };
  }
  if (readsConfig(command)) {
    options.config = {
      type: 'string',
      requiresArg: true,
      group: SETTINGS_GROUP,
      describe: 'configuration file instead of the nearest unet.yaml [UNET_CONFIG]',
    };
  }
  return options;
}

/** Whether the command loads settings at all. */
export function readsConfig(command: AnyCommand): boolean {
  return command.settings === 'all' || command.settings.length > 0;
}

export const HELP_GROUP = COMMON_GROUP;

/**
 * Looks at the words themselves, before yargs makes keys of them, so that a complaint shows what was typed.
 *
 * @throws UnetError UNET_USAGE
 */
export function refuseUnknownFlags(command: AnyCommand, words: readonly string[]): void {
  const options = yargsOptions(command, { choices: false });
  const switches = Object.keys(options).filter((name) => options[name]?.type === 'boolean');
  const negations = switches.map((name) => `no-${name}`);
  const shorts = Object.values(options).flatMap((option) => [option.alias ?? []].flat());
  const names = [...Object.keys(options), ...shorts, 'help'];
  for (const word of words) {
    if (!/^-{1,2}[^\d-]/.test(word)) {
      continue;
    }
    const [typed = '', value] = splitFlag(word);
    const name = typed.replace(/^-+/, '');
    const known = word.startsWith('--')
      ? name.length > 1 && [...names, ...negations].includes(name)
      : name === 'h' || (name.length === 1 && shorts.includes(name));
    if (!known) {
      if (command.rest === 'dashes' && words[0]?.startsWith('-') === false) {
        const line = `${calledAs(command)} -- ${words.join(' ')}`;
        throw new UnetError('UNET_USAGE', `unexpected argument ${words[0]}; put a command after --: ${line}`);
      }
      const hint =
        didYouMean(
          name,
          names.filter((one) => one.length > 1),
          '--',
        ) || `; see ${calledAs(command)} --help`;
      throw new UnetError('UNET_USAGE', `unknown flag ${typed}${hint}`);
    }
    if (value !== undefined && switches.includes(name) && !['true', 'false'].includes(value)) {
      throw new UnetError('UNET_USAGE', `${typed} "${value}" is not true or false`);
    }
    if (negations.includes(name) && value !== undefined) {
      throw new UnetError('UNET_USAGE', `${typed} takes no value`);
    }
  }
}

/** @throws UnetError UNET_USAGE for a wrong value of one of the command's own flags and positionals */
export function refuseWrongValues(command: AnyCommand, args: Readonly<Record<string, unknown>>): void {
  const own = Object.entries(command.builder ?? {}).map(
    ([name, option]) => [`--${name}`, name, option] as const,
  );
  const places = Object.entries(command.positionals ?? {}).map(
    ([name, option]) => [name, name, option] as const,
  );
  for (const [shown, name, { choices, type }] of [...own, ...places]) {
    for (const value of [args[name] ?? []].flat()) {
      if (type === 'number' && Number.isNaN(value)) {
        throw new UnetError('UNET_USAGE', `${shown} needs a number`);
      }
      if (choices !== undefined && !choices.map(String).includes(String(value))) {
        const names = choices.map(String);
        const hint = didYouMean(String(value), names);
        throw new UnetError('UNET_USAGE', `${shown} "${value}" is not one of ${names.join(', ')}${hint}`);
      }
    }
  }
}

function describeSetting({ description, choices, defaultText, variable }: SettingOption): string {
  const listed = choices === undefined ? '' : ` (${choices.join(', ')})`;
  const otherwise = defaultText === undefined ? '' : `; default ${defaultText}`;
  return `${description}${listed}${otherwise} [${variable}]`;
}

function takesValue(option: Options): boolean {
  return option.type !== 'boolean' && option.type !== 'count' && option.boolean !== true;
}

function splitFlag(word: string): [string, string | undefined] {
  const split = word.indexOf('=');
  return split < 0 ? [word, undefined] : [word.slice(0, split), word.slice(split + 1)];
}
