/** Durations as Flux writes them: RFC 23, "Flux Standard Duration", and bare seconds. */

const UNITS_MS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/**
 * Milliseconds of `120`, `2m`, `1.5h`, `250ms`. Undefined inside: no limit (0, `infinity`); undefined alone: it is no duration.
 */
export function parseFluxDuration(value: string | number): { ms: number | undefined } | undefined {
  const text = String(value).trim();
  if (/^inf(inity)?$/i.test(text)) {
    return { ms: undefined };
  }
  const [, digits, unit = 's'] = /^(\d+(?:\.\d*)?(?:e\d+)?|\.\d+)(ms|s|m|h|d)?$/i.exec(text) ?? [];
  if (digits === undefined) {
    return undefined;
  }
  const ms = Math.round(Number(digits) * UNITS_MS[unit.toLowerCase() as keyof typeof UNITS_MS]);
  return Number.isFinite(ms) ? { ms: ms === 0 ? undefined : ms } : undefined;
}
