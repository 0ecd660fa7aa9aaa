/** Temporary directories, and being an ordinary user for a while. */
import { chown, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

export const isRoot = process.getuid?.() === 0;
/** No account has to have these ids. */
export const USER = 54321;
export const STRANGER = 54322;

/** A new private directory, of `uid` if root runs the tests; gone after the test. */
export async function place(uid?: number): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'unet-test-'));
  onTestFinished(() => rm(path, { recursive: true, force: true }));
  if (uid !== undefined && isRoot) {
    await chown(path, uid, uid);
  }
  return path;
}

/** Runs `action` with an ordinary user's permissions: root passes by the checks that the test is about. */
export async function asUser<T>(action: () => Promise<T>): Promise<T> {
  if (!isRoot) {
    return action();
  }
  process.setegid?.(USER);
  process.seteuid?.(USER);
  try {
    return await action();
  } finally {
    process.seteuid?.(0);
    process.setegid?.(0);
  }
}
