/** Directories, programs and processes of a test, gone after it. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { inspect } from 'node:util';
import { onTestFinished } from 'vitest';
import { TIME_SCALE } from '../lab/lab/deadline.ts';

/** A new private directory. Every process that names it in its command line or environment is killed after the test. */
export function scratch(): string {
  const directory = mkdtempSync(join(tmpdir(), 'unet-test-'));
  onTestFinished(async () => {
    killAllOf(directory);
    await until(() => processesOf(directory).length === 0);
    rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
  });
  return directory;
}

/** Writes an executable; its path. */
export function program(directory: string, name: string, text: string): string {
  const path = join(directory, name);
  writeFileSync(path, text, { mode: 0o755 });
  return path;
}

export function isAlive(pid: number): boolean {
  try {
    return !/^State:\tZ/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

const DEADLINE_MS = 60_000;

export { TIME_SCALE };

/**
 * Resolves with what the condition gives when it is something else than undefined and false.
 *
 * @param what is waited for, and `seen` what there is instead: for the error when it does not come in time.
 */
export async function until<T>(
  condition: () => T | undefined | false | Promise<T | undefined | false>,
  what = String(condition),
  seen?: () => unknown,
  deadlineMs = DEADLINE_MS,
): Promise<T> {
  const deadline = performance.now() + deadlineMs * TIME_SCALE;
  let value: T | undefined | false;
  for (;;) {
    value = await condition();
    if (value !== undefined && value !== false) {
      return value;
    }
    if (performance.now() > deadline) {
      throw new Error(
        `waited ${deadlineMs * TIME_SCALE} ms for ${what}; saw last: ${inspect(seen === undefined ? value : seen())}`,
      );
    }
    await sleep(20);
  }
}

/** Pids of living processes that have `text` in their command line or environment, ourselves not. */
export function processesOf(text: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .map(Number)
    .filter(
      (pid) => isAlive(pid) && ['cmdline', 'environ'].some((file) => procFile(pid, file).includes(text)),
    );
}

function killAllOf(text: string): void {
  for (const pid of processesOf(text)) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It has just ended.
    }
  }
}

export function procFile(pid: number, name: string): string {
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'utf8');
  } catch {
    return '';
  }
}
