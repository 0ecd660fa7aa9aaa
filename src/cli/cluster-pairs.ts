/** NAME=VALUE, as several flags have it. */
import { UnetError } from '../errors.ts';

/** @throws UnetError UNET_USAGE */
export function pairs(flag: string, given: readonly string[] = []): Record<string, string> {
  return Object.fromEntries(
    given.map((text) => {
      const at = text.indexOf('=');
      if (at < 1) {
        throw new UnetError('UNET_USAGE', `${flag} ${text}: use ${flag} NAME=VALUE`);
      }
      return [text.slice(0, at), text.slice(at + 1)];
    }),
  );
}
