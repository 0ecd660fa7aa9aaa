/** The built unet as a user types it, in a place of its own. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { program, scratch } from '../process/scratch.ts';

const UNET = join(import.meta.dirname, '../../bin/unet.js');

/** A home, a TMPDIR and a PATH whose git writes down what it was asked for. */
export function unetPlace() {
  const directory = scratch();
  const log = join(directory, 'git.log');
  writeFileSync(log, '');
  const path = `${directory}:${process.env.PATH}`;
  const env = {
    PATH: path,
    HOME: directory,
    TMPDIR: directory,
    UNET_CACHE: join(directory, 'cache'),
    UNET_CONFIG: '/dev/null',
  };
  return {
    directory,
    env,
    cache: env.UNET_CACHE,
    /** Lines of `git` to be run before the real one; `$LOG` is where fetches are counted. */
    git: (before = '') => {
      const real = (process.env.PATH ?? '').split(':').find((one) => isThere(join(one, 'git'))) ?? '';
      program(
        directory,
        'git',
        `#!/bin/sh\ncase " $* " in *" clone "*|*" fetch "*) echo "$PPID $*" >> ${log}\n${before}\nesac\nexec ${real}/git "$@"\n`,
      );
    },
    /** Clones and fetches so far. */
    fetches: () =>
      readFileSync(log, 'utf8')
        .split('\n')
        .filter((line) => line !== ''),
    start: (words: readonly string[], more: Record<string, string> = {}) =>
      execa(process.execPath, [UNET, ...words], {
        cwd: directory,
        env: { ...env, ...more },
        extendEnv: false,
        reject: false,
        timeout: 120_000,
      }),
  };
}

function isThere(path: string): boolean {
  try {
    readFileSync(path);
    return true;
  } catch {
    return false;
  }
}
