/** What each source says, as raw values with their place; nothing is judged here but names and syntax. */
import { isAlias, isMap, isScalar, LineCounter, type Node, parseDocument } from 'yaml';
import type { ConfigText } from './files.ts';
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
const OTHER_VARIABLES = ['UNET_REHEARSAL', 'UNET_REHEARSAL_IMAGES', 'UNET_CONFIG', 'UNET_DEBUG'];
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
        message: `--step-timeout: no step is called "${step}"${hint}`,
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

export function fromFile(
  file: ConfigText,
  source: 'file' | 'user file',
  leaves: readonly SettingLeaf[],
  base: string,
): SourceResult {
  const result: SourceResult = { candidates: [], problems: [], warnings: [] };
  const lines = new LineCounter();
  const document = parseDocument(file.text, { lineCounter: lines, prettyErrors: false });
  const at = (offset: number | undefined) => `${file.path}:${lines.linePos(offset ?? 0).line}`;
  if (document.errors.length > 0) {
    for (const error of document.errors) {
      result.problems.push({ message: `${at(error.pos[0])}: ${firstLine(error.message)}` });
    }
    return result;
  }
  const resolved = (node: unknown) => (isAlias(node) ? node.resolve(document) : node);
  const visit = (node: unknown, prefix: string) => {
    if (!isMap(node)) {
      return;
    }
    for (const { key, value: given } of node.items) {
      const value = resolved(given);
      const where = at((key as Node | null)?.range?.[0]);
      const name = `${prefix}${isScalar(key) ? String(key.value) : '?'}`;
      const leaf = leaves.find((one) => one.file === name);
      if (leaf !== undefined) {
        const raw = isScalar(value) ? scalar(value, leaf) : (value as Node | null)?.toJSON();
        result.candidates.push({ leaf, raw, source, where, base });
      } else if (leaves.some((one) => one.file.startsWith(`${name}.`))) {
        const empty = isScalar(value) && value.value === null;
        if (!isMap(value) && !empty) {
          const message = `${where}: ${name} needs one line for each step, such as "  up: 5m"`;
          result.problems.push({ message, path: 'stepTimeouts' });
        }
        visit(value, `${name}.`);
      } else {
        const names = leaves.map((one) => one.file);
        const groups = names.filter((one) => one.includes('.')).map((one) => one.slice(0, one.indexOf('.')));
        const hint = didYouMean(name, [...names, ...new Set(groups)]);
        result.problems.push({ message: `${where}: unknown key "${name}"${hint}` });
      }
    }
  };
  const top = document.contents;
  if (isMap(top)) {
    visit(top, '');
  } else if (top !== null && !(isScalar(top) && top.value === null)) {
    result.problems.push({ message: `${at(top.range?.[0])}: expected lines such as "nodes: 4"` });
  }
  return result;
}

/** A text that looks like a number stays what was written: `name: 007`. */
function scalar(node: { value: unknown; source?: string }, leaf: SettingLeaf): unknown {
  const text = leaf.kind === 'text' || leaf.kind === 'path' || leaf.kind === 'choice';
  return text && node.value !== null && typeof node.value !== 'string'
    ? (node.source ?? node.value)
    : node.value;
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

function firstLine(text: string): string {
  return text.split('\n', 1)[0] ?? '';
}
