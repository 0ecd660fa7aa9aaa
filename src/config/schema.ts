/** Every setting: the one list from which flags, UNET_* and `unet config` come. Each room has its own part of it. */
import * as z from 'zod';
import { engineSettings } from '../engine/settings.ts';
import { eventSettings } from '../events/settings.ts';
import { jobSettings } from '../job/settings.ts';
import { joinSettings } from '../join/settings.ts';
import { packSettings } from '../pack/settings.ts';
import { provisionSettings } from '../provision/settings.ts';
import { schedulerSettings } from '../scheduler/settings.ts';
import { bringUpSettings } from '../setting/bring-up.ts';

/**
 * How a setting's text is read, said in help and in complaints. A `path` is made absolute: relative to the
 * file that it stands in, else to the current directory.
 */
export type SettingKind = 'text' | 'path' | 'choice' | 'count' | 'duration' | 'switch' | 'list';

/**
 * What is parsed here is what people write. It is not idempotent: a parsed duration is a number of milliseconds,
 * and a bare number would be read as seconds. Between processes, pass the parsed value on and do not parse again.
 */
export const Settings = z.object({
  ...schedulerSettings,
  ...provisionSettings,
  ...packSettings,
  ...joinSettings,
  ...engineSettings,
  ...jobSettings,
  ...bringUpSettings,
  ...eventSettings,
});
export type Settings = z.infer<typeof Settings>;
