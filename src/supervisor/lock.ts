/**
 * One supervisor per job and host: a claim in the user's own directory. Not an abstract unix socket, whose name another user can take
 * first, and which Node 20 and 22 name differently. Between hosts the state file decides: it names a supervisor and is renewed.
 */
import { dirname, join } from 'node:path';
import { claim } from '../cache/claim.ts';
import { removeEmptyParents } from '../files/empty-parents.ts';
import { ensurePrivateDirectory } from '../files/private-directory.ts';
import { controlSocket } from '../job/layout.ts';

const POLL_MS = 50;
// Of one in another process namespace, whose end cannot be seen.
const DEAD_MS = 60_000;

/**
 * True when this process has become the job's supervisor on this host, until it ends or removes the control directory. The lock of one
 * that is just ending is free in a moment; one that lives is waited for up to `timeoutMs`.
 *
 * @throws UnetError UNET_UNSAFE_PATH, UNET_DIR_UNWRITABLE, UNET_DISK_FULL
 */
export async function acquireLock(jobId: string, timeoutMs: number, signal: AbortSignal): Promise<boolean> {
  const { directory } = controlSocket(jobId);
  await ensurePrivateDirectory(directory);
  const deadline = performance.now() + timeoutMs;
  const tooLate = async () => (performance.now() > deadline ? true : undefined);
  const won = await claim(join(directory, 'lock'), tooLate, { signal, pollMs: POLL_MS, deadMs: DEAD_MS });
  if ('claim' in won) {
    return true;
  }
  // Its holder may just have removed all of it.
  await removeEmptyParents(join(directory, 'lock'), dirname(dirname(directory)));
  return false;
}
