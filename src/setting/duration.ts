/** Durations as people write them in settings: "90s", "10m", "2h". Milliseconds inside. */
import ms, { type StringValue } from 'ms';

/** Node's timers overflow beyond a signed 32-bit number of milliseconds, and then fire at once. */
export const MAX_DURATION_MS = 2 ** 31 - 1;

/** Milliseconds of "90s", "10m", "1.5h" or a bare number (seconds); undefined when it is none of these, or longer than `maxMs`. */
export function parseDuration(
  value: string | number,
  { maxMs = MAX_DURATION_MS }: { maxMs?: number } = {},
): number | undefined {
  const text = String(value).trim();
  if (!/^\d+(\.\d+)?\s*[a-z]*$/i.test(text)) {
    return undefined;
  }
  const parsed = /^[\d.]+$/.test(text) ? Number(text) * 1000 : ms(text as StringValue);
  const rounded = typeof parsed === 'number' ? Math.round(parsed) : Number.NaN;
  return rounded >= 1 && rounded <= maxMs ? rounded : undefined;
}

/** The shortest exact form that `parseDuration` reads back: 600000 is "10m", 90000 is "90s", 1500 is "1500ms". */
export function durationText(milliseconds: number): string {
  const units = [
    ['h', 3_600_000],
    ['m', 60_000],
    ['s', 1000],
  ] as const;
  const unit = units.find(([, size]) => milliseconds >= size && milliseconds % size === 0);
  return unit === undefined ? `${milliseconds}ms` : `${milliseconds / unit[1]}${unit[0]}`;
}
