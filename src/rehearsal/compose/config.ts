import { readFileSync } from 'node:fs';
import { parse, stringify } from 'yaml';

type Fields = Record<string, unknown>;

/** `config`: the compose files merged, with the environment's values put in. */
export function config(files: readonly string[]): number {
  process.stdout.write(stringify(mergeFiles(files)));
  return 0;
}

/** The files merged in their order, as compose does it: lists joined, mappings merged, single values replaced. */
export function mergeFiles(files: readonly string[]): Fields {
  return files
    .map((file) => interpolate(parse(readFileSync(file, 'utf8'))) as Fields)
    .reduce((base, override) => merge(base, override) as Fields, {});
}

/** `$NAME`, `${NAME}` and `${NAME:-default}`; `$$` is a dollar sign. Names of keys stay as they are. */
function interpolate(value: unknown): unknown {
  if (typeof value === 'string') {
    return value.replace(
      /\$(?:(\$)|(\w+)|\{(\w+)(?::?-([^}]*))?\})/g,
      (_, escaped?: string, bare?: string, braced?: string, fallback = '') =>
        escaped ?? (process.env[bare ?? braced ?? ''] || fallback),
    );
  }
  if (Array.isArray(value)) return value.map(interpolate);
  if (!isFields(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, interpolate(inner)]));
}

function merge(base: unknown, override: unknown, key = ''): unknown {
  if (Array.isArray(base) && Array.isArray(override)) return [...base, ...override];
  // As podman-compose says it.
  if (Array.isArray(base) !== Array.isArray(override) && isFields(base) !== isFields(override)) {
    throw new Error(`can't merge value of [${key}] of type ${typeName(base)} and ${typeName(override)}`);
  }
  if (!isFields(base) || !isFields(override)) return override;
  const result: Fields = { ...base };
  for (const [name, value] of Object.entries(override)) {
    result[name] = name in base ? merge(base[name], value, name) : value;
  }
  return result;
}

function typeName(value: unknown): string {
  return Array.isArray(value) ? 'list' : isFields(value) ? 'dict' : 'str';
}

export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
