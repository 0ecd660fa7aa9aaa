/** Directories, programs and processes of a test, gone after it. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { onTestFinished } from 'vitest';

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

/** Resolves when it has become true; the test's own time limit is the deadline. */
export async function until<T>(
  condition: () => T | undefined | false | Promise<T | undefined | false>,
): Promise<T> {
  for (;;) {
    const value = await condition();
    if (value !== undefined && value !== false) {
      return value;
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

function procFile(pid: number, name: string): string {
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'utf8');
  } catch {
    return '';
  }
}
