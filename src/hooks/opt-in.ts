/** What a job asks of its prolog: nothing, usually. */
import { settingLeaves } from '../config/options.ts';
import { didYouMean } from '../config/suggest.ts';
import { UnetError } from '../errors.ts';

/** The settings that a job may ask for, by their names in unet.yaml: those that are a matter of the job and not of its user. */
export const ASKABLE = [
  'release',
  'nodes',
  'min-nodes',
  'engine',
  'interface',
  'join-via',
  'timeout',
  'job-dir',
  'node-dir',
] as const;

const WORD = 'usernetes';
const YES: readonly unknown[] = [true, 1, 'true', 'yes', '1', 'on'];
const NO: readonly unknown[] = [false, 0, null, '', 'false', 'no', '0', 'off'];

/** By the setting's key (`minNodes`), as a flag would give it. */
export type Asked = Record<string, string>;

/**
 * Reads `attributes.user.usernetes` of a jobspec (RFC 14): `yes`, `true`, `1`, or an object of settings. Undefined: the job does not
 * ask.
 *
 * @throws UnetError UNET_USAGE for what can be neither, or a setting that there is not.
 */
export function askedByJobspec(text: string): Asked | undefined {
  const attribute = attributeOf(text);
  if (attribute === undefined || NO.includes(attribute)) {
    return undefined;
  }
  if (YES.includes(attribute)) {
    return {};
  }
  if (typeof attribute !== 'object' || Array.isArray(attribute)) {
    throw new UnetError(
      'UNET_USAGE',
      `attributes.user.${WORD} of the jobspec is ${JSON.stringify(attribute)}: neither yes nor settings`,
      { remedy: `write --setattr=user.${WORD}=yes, or --setattr=user.${WORD}.nodes=4` },
    );
  }
  return settings(Object.entries(attribute as object).map(([name, value]) => [name, String(value)]));
}

/**
 * Reads the comment of a Slurm job, `usernetes` or `usernetes nodes=4 release=…` (with blanks or commas), and the features that it
 * asks for as constraints. Undefined: the job does not ask.
 *
 * @throws UnetError UNET_USAGE for a setting that there is not.
 */
export function askedBySlurm(comment: string, constraints: string): Asked | undefined {
  const [first, ...rest] = comment.split(/[\s,:]+/).filter((word) => word !== '');
  if (first === WORD) {
    return settings(rest.map((word) => split(word)));
  }
  // "gpu&usernetes", "[usernetes*2]": names and operators, see sbatch(1), "--constraint".
  return constraints.split(/[^\w.-]+/).includes(WORD) ? {} : undefined;
}

function attributeOf(text: string): unknown {
  try {
    const jobspec: { attributes?: { user?: Record<string, unknown> } } = JSON.parse(text);
    return jobspec.attributes?.user?.[WORD];
  } catch {
    throw new UnetError('UNET_USAGE', 'the jobspec is not JSON');
  }
}

function split(word: string): [string, string] {
  const at = word.indexOf('=');
  return at < 0 ? [word, ''] : [word.slice(0, at), word.slice(at + 1)];
}

function settings(pairs: readonly (readonly [string, string])[]): Asked {
  const leaves = settingLeaves();
  return Object.fromEntries(
    pairs.map(([given, value]) => {
      const name = given.replaceAll('_', '-');
      const leaf = leaves.find(({ file }) => file === name);
      if (leaf === undefined || !(ASKABLE as readonly string[]).includes(name)) {
        const hint = didYouMean(name, [...ASKABLE]) || `; there are ${ASKABLE.join(', ')}`;
        throw new UnetError('UNET_USAGE', `a job cannot ask its prolog for "${given}"${hint}`);
      }
      return [leaf.key, value];
    }),
  );
}
