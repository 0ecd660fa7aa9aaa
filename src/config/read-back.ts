/** Settings as another process has written them: parsed once already, so durations are numbers of milliseconds. */
import * as z from 'zod';
import { settingLeaves } from './options.ts';
import { Settings } from './schema.ts';

/** Reads what `JSON.stringify` has made of `Settings`. */
export const ParsedSettings: z.ZodType<Settings> = z.preprocess(withUnits, Settings);

/** A bare number would be read as seconds. */
function withUnits(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) {
    return value;
  }
  const settings = { ...value } as Record<string, unknown>;
  for (const { key, step, kind } of settingLeaves()) {
    if (kind !== 'duration') {
      continue;
    }
    if (step === undefined) {
      settings[key] = inMilliseconds(settings[key]);
    } else {
      const steps = settings[key] as Record<string, unknown> | undefined;
      settings[key] = { ...steps, [step]: inMilliseconds(steps?.[step]) };
    }
  }
  return settings;
}

function inMilliseconds(value: unknown): unknown {
  return typeof value === 'number' ? `${value}ms` : value;
}
