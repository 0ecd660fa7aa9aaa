/** What each source says, as raw values with their place; nothing is judged here but names and syntax. */
import type { SettingLeaf } from './options.ts';
import { didYouMean } from './suggest.ts';

export type Source = 'flag' | 'environment' | 'file' | 'user file' | 'default';

/** One raw value and where it stands. */
export type Candidate = {
  leaf: SettingLeaf;
  raw: unknown;
  source: Source;
  /** `--nodes`, `UNET_NODES`, `/path/unet.yaml:12`. */
  where: string;
  /** What a relative path is relative to. */
  base: string;
};

/** A complaint; `path` names the setting that it is about. */
export type Problem = { message: string; path?: string };

export type SourceResult = { candidates: Candidate[]; problems: Problem[]; warnings: string[] };

/** Values of flags as the command line gives them; `stepTimeouts` is a list of STEP=DURATION. */
export type FlagValues = Readonly<Record<string, unknown>>;

// Variables of unet that are no settings.
const OTHER_VARIABLES = [
  'UNET_REHEARSAL',
  'UNET_REHEARSAL_IMAGES',
  'UNET_CONFIG',
  'UNET_DEBUG',
  'UNET_ON_LEAD',
  'UNET_TRUSTED_PATHS',
  'UNET_KUBE_TEMPLATES',
];
const EXPORTED_PREFIX = 'UNET_JOB_';

export function fromFlags(flags: FlagValues, leaves: readonly SettingLeaf[], cwd: string): SourceResult {
  const result: SourceResult = { candidates: [], problems: [], warnings: [] };
  for (const leaf of leaves) {
    const value = leaf.step === undefined ? flags[leaf.key] : undefined;
    if (value !== undefined) {
      result.candidates.push({ leaf, raw: value, source: 'flag', where: leaf.flag, base: cwd });
    }
  }
  for (const [step, raw] of keyed(flags.stepTimeouts, result.problems)) {
    const steps = leaves.filter((leaf) => leaf.step !== undefined);
    const leaf = steps.find((one) => one.step === step);
    if (leaf === undefined) {
      const names = steps.map((one) => String(one.step));
      const hint = didYouMean(step, names) || `; the steps are ${names.join(', ')}`;
      result.problems.push({
        message: `--step-timeout: there is no step "${step}"${hint}`,
        path: 'stepTimeouts',
      });
    } else {
      result.candidates.push({ leaf, raw, source: 'flag', where: `--step-timeout ${step}`, base: cwd });
    }
  }
  return result;
}

export function fromEnvironment(
  env: NodeJS.ProcessEnv,
  leaves: readonly SettingLeaf[],
  cwd: string,
): SourceResult {
  const result: SourceResult = { candidates: [], problems: [], warnings: [] };
  const byName = new Map(leaves.map((leaf) => [leaf.variable, leaf]));
  for (const [name, raw] of Object.entries(env)) {
    const leaf = byName.get(name);
    if (leaf !== undefined && raw !== undefined && raw !== '') {
      result.candidates.push({ leaf, raw, source: 'environment', where: name, base: cwd });
    }
    if (leaf === undefined && name.startsWith('UNET_') && !isOther(name)) {
      const hint = didYouMean(name, [...byName.keys(), ...OTHER_VARIABLES]);
      result.warnings.push(`the variable ${name} is not one of unet's${hint}`);
    }
  }
  return result;
}

function isOther(name: string): boolean {
  return OTHER_VARIABLES.includes(name) || name.startsWith(EXPORTED_PREFIX);
}

function keyed(value: unknown, problems: Problem[]): [string, string][] {
  const list = value === undefined ? [] : [value].flat().map(String);
  return list.flatMap((text): [string, string][] => {
    const split = text.indexOf('=');
    if (split < 1) {
      problems.push({
        message: `--step-timeout "${text}" is not STEP=DURATION, such as up=5m`,
        path: 'stepTimeouts',
      });
      return [];
    }
    return [[text.slice(0, split), text.slice(split + 1)]];
  });
}
