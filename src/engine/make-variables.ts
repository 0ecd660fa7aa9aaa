/**
 * Values for the variables that a release's Makefile exports. GNU make 4.4 and later hands exported variables to every
 * `$(shell …)`: several `export NAME ?= $(shell …)` then expand each other, n! times. A name that has a value in the
 * environment is not expanded at all.
 */
import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { UnetError } from '../errors.ts';
import type { Environment } from '../process/environment.ts';
import { describeEnd, lastLines, run } from '../process/run.ts';

export type MakeVariablesOptions = {
  /** The directory of the Makefile. */
  directory: string;
  env: Environment;
  timeoutMs: number;
  signal?: AbortSignal | undefined;
};

/** The names that GNU make looks for, in its order. */
export const MAKEFILES = ['GNUmakefile', 'makefile', 'Makefile'] as const;

// An include that includes itself must end.
const MAX_FILES = 50;
const PRINT_GOAL = 'unet-print-variable';
const PRINT_MARK = 'unet-value:';

/**
 * `env`, and a value for every exported variable whose default runs a program. The value is the Makefile's own: make is
 * asked for one after the other, the rest held empty meanwhile. No program is started for what `env` has already.
 *
 * @throws UnetError UNET_RELEASE_INVALID when make cannot compute one of them.
 */
export async function withMakeVariables(options: MakeVariablesOptions): Promise<Environment> {
  const env: Environment = { HOSTNAME: hostname(), ...options.env };
  const missing = (await computedExports(options.directory)).filter((name) => env[name] === undefined);
  for (const [index, name] of missing.entries()) {
    const later = emptyValues(missing.slice(index + 1));
    env[name] = await computeVariable(name, { ...options, env: { ...env, ...later } });
  }
  return env;
}

/** `env`, and no value (the empty one) for those variables: to read the Makefile without running any of its programs. */
export async function withoutMakeVariables(directory: string, env: Environment): Promise<Environment> {
  return { ...emptyValues(await computedExports(directory)), ...env };
}

function emptyValues(names: readonly string[]): Environment {
  return Object.fromEntries(names.map((name) => [name, '']));
}

async function computeVariable(
  name: string,
  { directory, env, timeoutMs, signal }: MakeVariablesOptions,
): Promise<string> {
  // The recipe is expanded after the whole Makefile has been read.
  const rule = `.PHONY: ${PRINT_GOAL}\n${PRINT_GOAL}: ; @: $(info ${PRINT_MARK}$(${name}))`;
  const argv = ['make', '-s', '--no-print-directory', '--eval', rule, PRINT_GOAL];
  const result = await run(argv, { cwd: directory, env: { ...env, MAKEFLAGS: '' }, timeoutMs, signal });
  signal?.throwIfAborted();
  const line = result.stdout.split('\n').findLast((text) => text.startsWith(PRINT_MARK));
  if (result.exitCode !== 0 || line === undefined) {
    const message = `the value of ${name} could not be asked of ${directory}: make ${describeEnd(result, timeoutMs)}`;
    throw new UnetError('UNET_RELEASE_INVALID', message, { tail: lastLines(result.stderr) });
  }
  return line.slice(PRINT_MARK.length);
}

/** Names that are exported, have a default (`?=`), and run a program for it, in the order of the Makefile. */
async function computedExports(directory: string): Promise<string[]> {
  const lines = await makefileLines(directory);
  const exportsAll = lines.some((line) => /^(export|\.EXPORT_ALL_VARIABLES\s*:.*)$/.test(line));
  const exported = new Set(
    lines.flatMap((line) => /^export\s+([^=:?+!]+)$/.exec(line)?.[1]?.trim().split(/\s+/) ?? []),
  );
  const names = lines.flatMap((line) => {
    const [, word, name = '', value = ''] = /^(export\s+)?([\w.-]+)\s*\?=\s*(.*)$/.exec(line) ?? [];
    const isExported = word !== undefined || exportsAll || exported.has(name);
    return isExported && /\$[({]shell\s|\$[({]call\s/.test(value) ? [name] : [];
  });
  return [...new Set(names)];
}

/** Every line of the Makefile and of what it includes by a plain name, continued lines joined, comments left out. */
async function makefileLines(directory: string): Promise<string[]> {
  const first = await firstReadable(MAKEFILES.map((name) => join(directory, name)));
  const texts = first === undefined ? [] : [first];
  const lines: string[] = [];
  for (let index = 0; index < texts.length && index < MAX_FILES; index += 1) {
    for (const line of (texts[index] ?? '').replace(/\\\r?\n\s*/g, ' ').split(/\r?\n/)) {
      if (line.startsWith('\t') || line.startsWith('#')) {
        continue;
      }
      lines.push(line.trim());
      const [, names] = /^\s*[-s]?include\s+([^$#]+)$/.exec(line) ?? [];
      for (const name of names?.trim().split(/\s+/) ?? []) {
        const text = await firstReadable([isAbsolute(name) ? name : join(directory, name)]);
        texts.push(text ?? '');
      }
    }
  }
  return lines;
}

async function firstReadable(paths: readonly string[]): Promise<string | undefined> {
  for (const path of paths) {
    const text = await readFile(path, 'utf8').catch(() => undefined);
    if (text !== undefined) {
      return text;
    }
  }
  return undefined;
}
