import { readFileSync } from 'node:fs';
import { parse, stringify } from 'yaml';

type Fields = Record<string, unknown>;

/** `config`: the compose files merged, with the environment's values put in. */
export function config(files: readonly string[]): number {
  const merged = files
    .map((file) => parse(interpolate(readFileSync(file, 'utf8'))) as Fields)
    .reduce((base, override) => merge(base, override) as Fields, {});
  process.stdout.write(stringify(merged));
  return 0;
}

function interpolate(text: string): string {
  return text.replace(/\$\{(\w+)(?::?-([^}]*))?\}/g, (_, name: string, fallback = '') => {
    return process.env[name] || fallback;
  });
}

function merge(base: unknown, override: unknown): unknown {
  if (Array.isArray(base) && Array.isArray(override)) return [...base, ...override];
  if (!isFields(base) || !isFields(override)) return override;
  const result: Fields = { ...base };
  for (const [key, value] of Object.entries(override)) {
    result[key] = key in base ? merge(base[key], value) : value;
  }
  return result;
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
