/**
 * Who fetches a release that many processes on many machines want: a lock for shared filesystems.
 *
 * Claims are numbered directories, `1`, `2` …: mkdir is atomic for all clients of a file server, and so a number has one
 * maker. The highest number holds. Its holder rewrites a file in it again and again; who waits looks whether that file's
 * content changes, by its own stopwatch, so no two clocks are compared. One that has not changed for long is dead, and
 * whoever makes the next number holds: there cannot be two, and nothing has to be removed for it, which is where other
 * locks break. A holder that was only slow finds a higher number, and stops.
 *
 * Not flock or fcntl locks: many sites mount Lustre and NFS without them, and some make them succeed on each client by
 * itself. Not proper-lockfile (4.1.2, the last release is of 2021): it compares the file's time with the client's clock,
 * and two that find the same stale lock both remove it, the second one removing the first one's new lock (read in its
 * source: acquireLock, removeLock).
 */
import { mkdir, readdir, rm, stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { errnoOf, UnetError } from '../errors.ts';
import { exists } from '../files/exists.ts';
import { hasEnded, ownIdentity } from '../process/identity.ts';
import { type ClaimNote, parseNote, readNote, rewriteNote, withError, writeNote } from './claim-note.ts';

export type ClaimOptions = {
  signal: AbortSignal;
  /** Milliseconds between two beats of the holder. */
  beatMs?: number;
  /** Milliseconds without a beat after which a holder counts as dead. */
  deadMs?: number;
  /** Milliseconds between two looks of who waits, and up to half as much again. */
  pollMs?: number;
  /** Said once when this process has to wait. */
  onWait?: (holder: string) => void;
};

export type Claim = {
  /** Aborted with a LostClaim when another process has taken over. */
  lost: AbortSignal;
  /** @throws LostClaim when another process has taken over. */
  check: () => Promise<void>;
  /** What is wanted is there: the claims are not needed any more. */
  done: () => Promise<void>;
  /** The next one may try. An error is what those who waited meanwhile get too. */
  release: (error?: UnetError) => Promise<void>;
};

/** This process was taken for dead. */
export class LostClaim extends Error {
  override readonly name = 'LostClaim';
}

const BEAT_MS = 2000;
const DEAD_MS = 20_000;
const POLL_MS = 500;
// So many looks must have found the same: this process itself may have been stopped for long.
const DEAD_LOOKS = 4;
const NUMBER = /^[1-9]\d{0,8}$/;
// The second as sshfs says it where the server knows no better.
const THERE = new Set(['EEXIST', 'EPERM']);

/**
 * Resolves with a claim for `directory`, or with what `look` finds there while others work. After a claim was won
 * `look` has found nothing once more: what the last holder finished is never done again.
 *
 * @throws UnetError of a holder who failed while this process waited for it; the signal's reason.
 */
export async function claim<T>(
  directory: string,
  look: () => Promise<T | undefined>,
  options: ClaimOptions,
): Promise<{ claim: Claim } | { found: T }> {
  const { signal, pollMs = POLL_MS, deadMs = DEAD_MS } = options;
  const watch = createWatch(directory, deadMs);
  let least = 0;
  for (let waited = false; ; ) {
    signal.throwIfAborted();
    const found = await look();
    if (found !== undefined) {
      return { found };
    }
    const listed = await highest(directory);
    if (listed === 0 && !(await exists(join(directory, String(least))))) {
      least = 0; // all of it was taken away by who was done
    }
    const number = Math.max(least, listed);
    const holder = number === 0 ? { is: 'over' as const } : await watch(number);
    if (holder.is === 'over') {
      if (holder.error !== undefined && waited) {
        throw holder.error;
      }
      // A listing may be remembered from before: what could not be made is there.
      least = number + 1;
      const won = await tryClaim(directory, least, look, options);
      if (won !== undefined) {
        return won;
      }
      continue;
    }
    if (!waited) {
      waited = true;
      options.onWait?.(holder.host);
    }
    await sleep(pollMs * (1 + Math.random() / 2), undefined, { signal }).catch(() => {});
  }
}

/** Undefined when another process was faster. */
async function tryClaim<T>(
  directory: string,
  number: number,
  look: () => Promise<T | undefined>,
  options: ClaimOptions,
): Promise<{ claim: Claim } | { found: T } | undefined> {
  const own = join(directory, String(number));
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    await mkdir(own, 0o700);
  } catch (error) {
    const errno = errnoOf(error) ?? '';
    // ENOENT: somebody who is done has just removed all of it.
    if (errno === 'ENOENT' || (THERE.has(errno) && (await stat(own).catch(() => undefined)) !== undefined)) {
      return undefined;
    }
    throw error;
  }
  const holder = await hold(directory, number, options);
  if (holder === undefined) {
    return undefined;
  }
  const found = await look().catch(async (error: unknown) => {
    await holder.release();
    throw error;
  });
  if (found !== undefined) {
    await holder.done();
    return { found };
  }
  return { claim: holder };
}

async function hold(
  directory: string,
  number: number,
  { beatMs = BEAT_MS }: ClaimOptions,
): Promise<Claim | undefined> {
  const own = join(directory, String(number));
  const lost = new AbortController();
  let note: ClaimNote = { state: 'held', host: hostname(), process: ownIdentity(), beat: 0 };
  try {
    await writeNote(own, note);
    if ((await highest(directory)) > number) {
      // A late reader's number, from before the others: it never was the highest.
      await rm(own, { recursive: true, force: true });
      return undefined;
    }
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') {
      return undefined;
    }
    throw error;
  }
  let beating = Promise.resolve();
  const beat = async () => {
    note = { ...note, beat: note.beat + 1 };
    try {
      await rewriteNote(own, note);
      await check();
    } catch (error) {
      // A file server that does not answer for a while is no loss by itself; somebody who noticed takes over.
      if (error instanceof LostClaim || ['ENOENT', 'ESTALE'].includes(errnoOf(error) ?? '')) {
        lost.abort(new LostClaim('another process has taken over'));
      }
    }
  };
  const check = async () => {
    if (lost.signal.aborted || (await highest(directory)) !== number) {
      throw new LostClaim('another process has taken over');
    }
  };
  const timer = setInterval(() => {
    beating = beating.then(beat);
  }, beatMs);
  timer.unref();
  const stop = async () => {
    clearInterval(timer);
    await beating;
  };
  return {
    lost: lost.signal,
    check,
    done: async () => {
      await stop();
      // Those who look now find what they want before they look for claims.
      await rm(directory, { recursive: true, force: true }).catch(() => {});
    },
    release: async (error) => {
      await stop();
      const last = withError({ ...note, state: 'released' }, error);
      await rewriteNote(own, last).catch(() => {});
      await removeBelow(directory, number);
    },
  };
}

type Holder = { is: 'at work'; host: string } | { is: 'over'; error?: UnetError };

/** Judges the holder of a number by what was seen of it before. */
function createWatch(directory: string, deadMs: number): (number: number) => Promise<Holder> {
  let seen = { number: 0, text: '', since: 0, looks: 0 };
  return async (number) => {
    const text = await readNote(join(directory, String(number)));
    const now = performance.now();
    seen =
      seen.number === number && seen.text === text
        ? { ...seen, looks: seen.looks + 1 }
        : { number, text, since: now, looks: 1 };
    const note = parseNote(text);
    if (note?.state === 'released') {
      return { is: 'over', ...(note.error === undefined ? {} : { error: UnetError.fromRecord(note.error) }) };
    }
    const dead = now - seen.since > deadMs && seen.looks >= DEAD_LOOKS;
    return dead || (note !== undefined && hasEnded(note.process))
      ? { is: 'over' }
      : { is: 'at work', host: note?.host ?? 'another process' };
  };
}

async function highest(directory: string): Promise<number> {
  try {
    const numbers = (await readdir(directory)).filter((name) => NUMBER.test(name)).map(Number);
    return Math.max(0, ...numbers);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') {
      return 0;
    }
    throw error;
  }
}

async function removeBelow(directory: string, number: number): Promise<void> {
  const names = await readdir(directory).catch(() => []);
  const old = names.filter((name) => NUMBER.test(name) && Number(name) < number);
  await Promise.all(
    old.map((name) => rm(join(directory, name), { recursive: true, force: true }).catch(() => {})),
  );
}
