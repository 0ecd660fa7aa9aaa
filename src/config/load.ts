/** The settings of one command: flags, UNET_* variables, unet.yaml, user config, defaults, in that order. */
import { resolve } from 'node:path';
import { UnetError } from '../errors.ts';
import { homeOf, needHome } from '../files/home.ts';
import { type ConfigText, findProjectFile, readConfig, readUserFile } from './files.ts';
import { type SettingKey, type SettingLeaf, settingLeaves, settingText } from './options.ts';
import type { Settings } from './schema.ts';
import {
  type Candidate,
  type FlagValues,
  fromEnvironment,
  fromFlags,
  type Problem,
  type Source,
  type SourceResult,
} from './sources.ts';
import { didYouMean } from './suggest.ts';

export type { FlagValues, Source } from './sources.ts';

/** `where`: `--nodes`, `UNET_NODES`, `/path/unet.yaml:12`, `default`. Durations are milliseconds. */
export type Origin = { value: unknown; source: Source; where: string };

/** By the setting's name, nested ones with a dot: `joinVia`, `stepTimeouts.await-join`. */
export type Origins = Readonly<Record<string, Origin>>;

export type LoadedSettings = {
  settings: Settings;
  origins: Origins;
  /** What is odd but harmless: unknown UNET_* variables, and problems of settings that `only` leaves out. */
  warnings: string[];
  /** The files that were read. */
  files: string[];
};

export type LoadOptions = {
  /** By the setting's name; `config` is the file of --config. */
  flags?: FlagValues | undefined;
  env: NodeJS.ProcessEnv;
  cwd: string;
  /**
   * The settings that the command uses; all when undefined. What is wrong elsewhere is then a warning, so that
   * a typing error in unet.yaml does not stand in the way of `unet down`.
   */
  only?: readonly SettingKey[] | undefined;
  /** Read nothing at all: for commands that have to work whatever a configuration file says. */
  defaultsOnly?: boolean | undefined;
};

/**
 * Reads all sources and says everything that is wrong with them at once.
 *
 *     const { settings, origins, warnings } = await loadSettings({ flags: { nodes: '3' }, env: process.env, cwd: process.cwd() });
 *
 * @throws UnetError UNET_CONFIG_INVALID with one line for each problem; UNET_UNSAFE_PATH for a file that
 *   others can write
 */
export async function loadSettings(options: LoadOptions): Promise<LoadedSettings> {
  const leaves = settingLeaves();
  const flags = options.flags ?? {};
  const refused: string[] = [];
  const files = options.defaultsOnly === true ? [] : await readFiles(flags.config, options, refused);
  const results: SourceResult[] = [
    fromFlags(flags, leaves, options.cwd),
    fromEnvironment(options.env, leaves, options.cwd),
    ...(await fromFiles(files, leaves)),
  ];
  const problems = results.flatMap((result) => result.problems);
  const candidates = results.flatMap((result) => result.candidates);
  const origins: Record<string, Origin> = {};
  for (const leaf of leaves) {
    const parsed = candidates
      .filter((one) => one.leaf === leaf)
      .map((one) => parseCandidate(one, options.env, problems));
    const winner = parsed.find((origin) => origin !== undefined);
    origins[leaf.path] = winner ?? { value: leaf.defaultValue, source: 'default', where: 'default' };
  }
  const settings = assemble(leaves, origins);
  problems.push(...contradictions(settings, origins));
  const fatal = problems.filter((problem) => concerns(problem, options.only));
  if (fatal.length > 0) {
    throw new UnetError('UNET_CONFIG_INVALID', fatal.map((problem) => problem.message).join('\n'));
  }
  return {
    settings,
    origins,
    warnings: [
      ...refused,
      ...results.flatMap((result) => result.warnings),
      ...problems.map((problem) => `ignored: ${problem.message}`),
    ],
    files: files.map(({ file }) => file.path),
  };
}

async function fromFiles(
  files: readonly FoundFile[],
  leaves: readonly SettingLeaf[],
): Promise<SourceResult[]> {
  if (files.length === 0) {
    return [];
  }
  const { fromFile } = await import('./file-source.ts');
  return files.map(({ file, source }) => fromFile(file, source, leaves, file.base));
}

type FoundFile = { file: ConfigText; source: 'file' | 'user file' };

async function readFiles(
  flag: unknown,
  { env, cwd, only }: LoadOptions,
  refused: string[],
): Promise<FoundFile[]> {
  // A file that nobody named must not stand in the way of a command that uses a few settings, such as `unet down`.
  const unlessRefused = (error: unknown) => {
    if (only === undefined || !UnetError.is(error)) {
      throw error;
    }
    refused.push(`ignored: ${error.message}`);
    return undefined;
  };
  const named = [
    { path: flag === undefined ? undefined : String(flag), where: '--config' },
    { path: env.UNET_CONFIG || undefined, where: 'UNET_CONFIG' },
  ].find(({ path }) => path !== undefined);
  const project =
    named?.path === undefined
      ? await findProjectFile(cwd, homeOf(env)).catch(unlessRefused)
      : await readNamed(resolve(cwd, expandHome(named.path, env)), named.where);
  const user = await readUserFile(env).catch(unlessRefused);
  return [
    ...(project === undefined ? [] : [{ file: project, source: 'file' as const }]),
    ...(user === undefined || user.path === project?.path
      ? []
      : [{ file: user, source: 'user file' as const }]),
  ];
}

async function readNamed(path: string, where: string): Promise<ConfigText> {
  const file = await readConfig(path);
  if (file === undefined) {
    throw new UnetError('UNET_CONFIG_INVALID', `${where}: ${path} does not exist`, {
      remedy: `name an existing file with ${where}`,
    });
  }
  return file;
}

function parseCandidate(
  { leaf, raw, source, where, base }: Candidate,
  env: NodeJS.ProcessEnv,
  problems: Problem[],
): Origin | undefined {
  // A flag and a variable name themselves; a line of a file does not.
  const subject = source === 'flag' || source === 'environment' ? `${where}:` : `${where}: ${leaf.file}`;
  const complain = (message: string) =>
    void problems.push({ message: `${subject} ${message}`, path: leaf.key });
  if (raw === null || raw === '' || raw === undefined) {
    complain(`has no value; it needs ${leaf.expected}`);
    return undefined;
  }
  const given = leaf.kind === 'list' ? entries(raw).map((one) => fromBase(leaf, one, base, env)) : raw;
  const parsed = leaf.schema.safeParse(given);
  if (!parsed.success) {
    const at = parsed.error.issues[0]?.path[0];
    const wrong = typeof at === 'number' && Array.isArray(given) ? given[at] : raw;
    const shown = typeof wrong === 'string' ? `"${wrong}"` : JSON.stringify(wrong);
    const hint = leaf.choices === undefined ? '' : didYouMean(String(raw), leaf.choices);
    complain(`${shown} is not ${leaf.expected}${hint}`);
    return undefined;
  }
  return { value: absolute(leaf, parsed.data, base, env), source, where };
}

/** Of a flag given several times, the lines of a variable, or a list or a single value in a file. */
function entries(raw: unknown): unknown[] {
  if (typeof raw === 'string') {
    return raw
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => line !== '');
  }
  return [raw].flat().map((one) => (typeof one === 'number' ? String(one) : one));
}

/** A path at the start of an entry is relative to where the entry stands. */
function fromBase(leaf: SettingLeaf, entry: unknown, base: string, env: NodeJS.ProcessEnv): unknown {
  if (typeof entry !== 'string' || entry === '' || (leaf.key !== 'mount' && leaf.key !== 'caCert')) {
    return entry;
  }
  if (leaf.key === 'caCert') {
    return resolve(base, expandHome(entry, env));
  }
  const [source = '', ...rest] = entry.split(':');
  const path = /^(\.{1,2}|~)(\/|$)/.test(source) ? resolve(base, expandHome(source, env)) : source;
  return [path, ...rest].join(':');
}

/** Paths are made absolute here: the supervisor runs in another directory. */
function absolute(leaf: SettingLeaf, value: unknown, base: string, env: NodeJS.ProcessEnv): unknown {
  if (typeof value !== 'string') {
    return value;
  }
  if (leaf.key === 'nodeDir') {
    const parts = value.split(':').filter((part) => part !== '');
    return parts.map((part) => resolve(base, expandHome(part, env))).join(':');
  }
  // A release is a path only when it cannot be anything else; a bare name may be one that unet knows.
  const isPath = leaf.kind === 'path' || (leaf.key === 'release' && /^(\.{1,2}|~)(\/|$)/.test(value));
  return isPath ? resolve(base, expandHome(value, env)) : value;
}

function expandHome(path: string, env: NodeJS.ProcessEnv): string {
  return path === '~' || path.startsWith('~/')
    ? `${needHome(env, path, 'its whole path')}${path.slice(1)}`
    : path;
}

function assemble(leaves: readonly SettingLeaf[], origins: Origins): Settings {
  const settings: Record<string, unknown> = {};
  const stepTimeouts: Record<string, unknown> = {};
  for (const leaf of leaves) {
    const value = origins[leaf.path]?.value;
    if (leaf.step !== undefined) {
      stepTimeouts[leaf.step] = value;
    } else if (value !== undefined) {
      settings[leaf.key] = value;
    }
  }
  // Each value has passed its own schema or is that schema's default.
  return { ...settings, stepTimeouts } as Settings;
}

/** Settings that are right by themselves and wrong together. */
function contradictions({ nodes, minNodes, heartbeat, silence }: Settings, origins: Origins): Problem[] {
  const from = (path: string) => origins[path]?.where ?? 'default';
  const found: Problem[] = [];
  if (nodes !== undefined && minNodes !== undefined && minNodes > nodes) {
    const message = `${from('minNodes')}: min-nodes ${minNodes} is more than nodes ${nodes} (${from('nodes')})`;
    found.push({ message, path: 'minNodes' });
  }
  if (silence < 2 * heartbeat) {
    const texts = [silence, heartbeat].map((value) => settingText('duration', value));
    const message = `${from('silence')}: silence ${texts[0]} is less than two heartbeats of ${texts[1]} (${from('heartbeat')})`;
    found.push({ message, path: 'silence' });
  }
  return found;
}

/** Without `path` a problem is one of a whole file: an unknown key or bad syntax. */
function concerns(problem: Problem, only: readonly SettingKey[] | undefined): boolean {
  return only === undefined || (problem.path !== undefined && only.includes(problem.path as SettingKey));
}
