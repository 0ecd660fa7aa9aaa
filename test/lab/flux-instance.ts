/** Real instances of Flux, of several brokers on this machine, with unet and the rehearsal release. */
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { childEnvironment } from '../../src/process/environment.ts';
import { run } from '../../src/process/run.ts';
import { processesOf, scratch, TIME_SCALE } from '../process/scratch.ts';

export const UNET = join(import.meta.dirname, '../../bin/unet.js');

/** What is left of a job that has cleaned up. */
export const NOTHING = { files: [], processes: [] };

/** Why there is none, in a few words; undefined where there is. */
export function fluxUnavailable(): string | undefined {
  try {
    const version = execFileSync('flux', ['version'], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    return /commands:/.test(version) ? undefined : 'flux version says nothing';
  } catch {
    return 'flux is not on PATH';
  }
}

export type InstanceOptions = {
  size?: number;
  /** A program around each broker. */
  wrap?: (directory: string) => string;
};

/** Runs a script in an instance of `size` brokers on this machine, with `unet` and the rehearsal release. */
export async function inInstance(text: string, { size = 3, wrap }: InstanceOptions = {}) {
  const directory = scratch();
  const home = join(directory, 'home');
  const temporary = join(directory, 'tmp');
  mkdirSync(home, { mode: 0o700 });
  mkdirSync(temporary, { mode: 0o700 });
  const file = script(directory, 'script', text);
  const args = wrap === undefined ? [] : [`--wrap=${wrap(directory)}`];
  const result = await run(['flux', 'start', `--test-size=${size}`, ...args, file], {
    env: {
      ...childEnvironment(process.env),
      HOME: home,
      TMPDIR: temporary,
      XDG_STATE_HOME: join(home, 'state'),
    },
    cwd: home,
    timeoutMs: 110_000 * TIME_SCALE,
  });
  const left = {
    // Flux itself takes its directory away last.
    files: filesOf(directory).filter((path) => !/\/(\.kube|\.config|kept|flux-\w{6})(\/|$)/.test(path)),
    processes: processesOf(directory),
  };
  return { ...result, output: result.stdout + result.stderr, directory, home, left };
}

function script(directory: string, name: string, text: string): string {
  const path = join(directory, name);
  writeFileSync(
    path,
    `#!/bin/bash\nunet() { node ${UNET} "$@"; }\nexport -f unet\nexport UNET_RELEASE=rehearsal\n${text}\n`,
  );
  chmodSync(path, 0o755);
  return path;
}

/** Without the scripts, and what is kept of compiled code for the user's next job. */
export function filesOf(directory: string): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !['script', 'batch', 'wrap'].includes(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => !path.includes('/home/.cache/unet/compiled/'));
}

/** For `wrap`: each broker sees a directory of its own under the name `private`. Needs root. */
export function privateDirectories(directory: string): string {
  const path = join(directory, 'wrap');
  mkdirSync(join(directory, 'private'), { mode: 0o700 });
  writeFileSync(
    path,
    `#!/bin/sh\nexec unshare --mount sh -c 'mount -t tmpfs -o mode=700 none ${directory}/private; exec "$@"' sh "$@"\n`,
  );
  chmodSync(path, 0o755);
  return path;
}
