/** What a job asks of its prolog. */
import { settingLeaves } from '../config/options.ts';
import { didYouMean } from '../config/suggest.ts';
import { UnetError } from '../errors.ts';
import { type HookScheduler, hooksOf } from './schedulers.ts';

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

/** By the setting's key (`minNodes`), as a flag would give it. */
export type Asked = Record<string, string>;

/**
 * The settings that a job asks for, checked. Undefined: it does not ask for a cluster.
 *
 * @throws UnetError UNET_USAGE for what cannot be asked for.
 */
export function askedOf(
  scheduler: HookScheduler,
  request: string,
  env: NodeJS.ProcessEnv,
): Asked | undefined {
  const asked = hooksOf(scheduler).asked(request, env);
  return asked === undefined ? undefined : settings(asked);
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
