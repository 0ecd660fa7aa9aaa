/** The settings of a bring-up, with or without a pack. */
import type { Settings } from '../config/schema.ts';
import { parseReleaseReference } from '../provision/reference.ts';
import type { ChooseOptions } from './choose-pack.ts';

/** As the pack has them, whose reader is loaded for that; unchanged without one. @throws UnetError UNET_PACK_… */
export async function settingsWithPack(options: ChooseOptions): Promise<Settings> {
  if (options.settings.pack === undefined) {
    return options.settings;
  }
  const { choosePack } = await import('./choose-pack.ts');
  return await choosePack(options);
}

/**
 * Before anything is begun for it. What has to be fetched is not asked for.
 *
 * @throws UnetError UNET_RELEASE_NOT_FOUND, UNET_USAGE
 */
export function refuseMissingRelease({ pack, release }: Settings, cwd: string): void {
  if (pack === undefined) {
    parseReleaseReference(release, cwd);
  }
}
