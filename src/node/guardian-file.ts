/** The pid and start time of the guardian, in the directory of its node: a cleaning agent waits for the end of the guardian. */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { readPrivateFile, writePrivateFile } from '../files/private-file.ts';
import { isSameProcess, ProcessStart } from '../process/identity.ts';

const FILE = 'guardian.json';
const POLL_MS = 50;
// Two tries of make down-v, the end of what runs in the directory, and the job's files.
const MARGIN_MS = 60_000;

/** Milliseconds that a guardian may take, where make down-v may take `downMs`. */
export function guardianLimitMs(downMs: number): number {
  return 2 * downMs + MARGIN_MS;
}

export async function writeGuardian(directory: string, guardian: ProcessStart): Promise<void> {
  await writePrivateFile(join(directory, FILE), JSON.stringify(guardian), { durable: false });
}

/** Waits for the end of a guardian that is cleaning `directory`, at most as long as it may take. */
export async function awaitGuardian(directory: string, downMs: number): Promise<void> {
  const guardian = await readGuardian(directory);
  const deadline = performance.now() + guardianLimitMs(downMs);
  while (guardian !== undefined && isSameProcess(guardian) && performance.now() < deadline) {
    await sleep(POLL_MS);
  }
}

async function readGuardian(directory: string): Promise<ProcessStart | undefined> {
  try {
    return ProcessStart.parse(JSON.parse(await readPrivateFile(join(directory, FILE))));
  } catch {
    return undefined; // None, or no guardian's file: then there is nothing to wait for.
  }
}
