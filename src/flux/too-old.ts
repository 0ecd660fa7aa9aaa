/** What a Flux of some version cannot do. */
import { coerce, lt } from 'semver';
import { UnetError } from '../errors.ts';

/** `flux job timeleft` came with it (NEWS.md), and nobody has tried an older one. */
export const OLDEST = '0.47.0';

/** Whether the version, such as "0.88.0-59-g4a5e79f56", is one before `since`. What is no version is not. */
export function isOlder(version: string, since: string): boolean {
  const own = coerce(version);
  return own !== null && lt(own, since);
}

/** @param what is not to be had, as the subject of a sentence. */
export function tooOld(
  version: string | undefined,
  since: string,
  what: string,
  instead: string | undefined,
): UnetError {
  return new UnetError(
    'UNET_FLUX_TOO_OLD',
    `${what} needs Flux ${since} or later, and this one is ${version ?? 'of an unknown version'}`,
    { fatal: true, remedy: `load a newer Flux${instead === undefined ? '' : `, or ${instead}`}` },
  );
}
