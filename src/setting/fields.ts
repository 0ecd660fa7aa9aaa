/** The kinds of values that settings have. A room's settings.ts is made of them; src/config composes all. */
import * as z from 'zod';
import { parseDuration } from './duration.ts';

/** A duration: "90s", "10m", "1h30m" is not one. A bare number is seconds. Milliseconds inside. */
export const Duration = z.union([z.string(), z.number()]).transform((value, context) => {
  const parsed = parseDuration(value);
  if (parsed === undefined) {
    context.addIssue({ code: 'custom', message: 'a duration such as 90s, 10m or 2h' });
    return z.NEVER;
  }
  return parsed;
});

/** A whole number, also as text. Not z.coerce, which takes true, null and [] for numbers. */
export function count(max = Number.MAX_SAFE_INTEGER) {
  return z
    .union([
      z.number(),
      z
        .string()
        .regex(/^\d{1,9}$/)
        .transform(Number),
    ])
    .pipe(z.number().int().min(1).max(max));
}

/** Several texts: a repeatable flag, the lines of a variable, a list in a file. `expected` says what one is. */
export function list(expected: string, isOne: (text: string) => unknown) {
  const matches = (text: string) => text !== '' && isOne(text) !== undefined && isOne(text) !== false;
  return z.array(z.string().refine(matches, expected)).default([]);
}

/** A switch: true, false, 1, 0. */
export const Flag = z.union([
  z.boolean(),
  z.enum(['true', 'false', '1', '0']).transform((v) => v === 'true' || v === '1'),
]);
