/** A release out of the cache; fetched by one of all who want it where it is not there yet. */

import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { UnetError } from '../errors.ts';
import { removeTree } from '../files/remove-tree.ts';
import { type Claim, type ClaimOptions, claim, LostClaim } from './claim.ts';
import { archiveFlaw, type Entry, keyOf, markUsed, readEntry, readSource } from './entry.ts';
import type { CachePaths } from './layout.ts';
import { type Cache, makeWritable } from './open.ts';
import { discard, publish, publishSource } from './publish.ts';

export type Wanted = {
  /** How it is called, for ever the same: `URL#TAG`. */
  source: string;
  /** Where it is known beforehand: nothing else will do. */
  sha256?: string | undefined;
};

/** What was fetched: an archive outside of the cache. */
export type Fetched = {
  file: string;
  sha256: string;
  bytes: number;
  commit?: string | undefined;
  /** A branch: what it is now says nothing of what it is tomorrow. */
  isBranch?: boolean | undefined;
};

export type ObtainOptions = {
  signal: AbortSignal;
  /** Fetches, and hands the archive to `use` before it is taken away. Ends early by its signal. */
  fetch: (use: (fetched: Fetched) => Promise<Entry>, signal: AbortSignal) => Promise<Entry>;
  /** That this process waits for another one. */
  onWait?: (holder: string) => void;
  /** For tests. */
  claims?: Pick<ClaimOptions, 'beatMs' | 'deadMs' | 'pollMs'>;
};

// What an error of the one who fetched says of the release, and not of his own machine.
const SHARED_ERRORS = new Set(['UNET_RELEASE_FETCH', 'UNET_RELEASE_CHECKSUM', 'UNET_RELEASE_INVALID']);

/** What the cache has for `wanted`. Its content is not looked at: who uses it checks it. */
export async function lookUp(paths: CachePaths, { source, sha256 }: Wanted): Promise<Entry | undefined> {
  const known = sha256 ?? (await readSource(paths, source))?.sha256;
  return known === undefined ? undefined : readEntry(paths, known);
}

/**
 * The entry for `wanted`, marked as used. Where it is not there one of all processes of all machines that ask for it
 * fetches, the others wait for that one, and another one goes on when it dies.
 *
 * @throws UnetError of fetching, also when another process did it; the signal's reason.
 */
export async function obtain(cache: Cache, wanted: Wanted, options: ObtainOptions): Promise<Entry> {
  const key = keyOf(wanted.sha256 ?? wanted.source);
  const look = () => lookUp(cache.paths, wanted);
  options.signal.throwIfAborted();
  const there = await look();
  if (there !== undefined) {
    await markUsed(there);
    return there;
  }
  await makeWritable(cache);
  for (;;) {
    const got = await claim(join(cache.paths.claims, key), look, {
      ...options.claims,
      signal: options.signal,
      ...(options.onWait === undefined ? {} : { onWait: options.onWait }),
    });
    if ('found' in got) {
      await markUsed(got.found);
      return got.found;
    }
    try {
      return await fetchUnder(got.claim, cache, wanted, key, options);
    } catch (error) {
      if (!(error instanceof LostClaim)) {
        throw error;
      }
    }
  }
}

async function fetchUnder(
  held: Claim,
  cache: Cache,
  wanted: Wanted,
  key: string,
  { fetch, signal }: ObtainOptions,
): Promise<Entry> {
  try {
    await removeLeftOvers(cache, key);
    const entry = await fetch(
      async (fetched) => {
        // Not a fence, for it may be lost in the next moment; then two write the same, and the second one finds it.
        await held.check();
        const { file, sha256, bytes, commit, isBranch } = fetched;
        const written = await publish(cache, key, file, { sha256, bytes, source: wanted.source, commit });
        if (wanted.sha256 === undefined && isBranch !== true) {
          await publishSource(cache, { source: wanted.source, sha256, commit });
        }
        await markUsed(written);
        return written;
      },
      AbortSignal.any([signal, held.lost]),
    );
    await held.done();
    return entry;
  } catch (error) {
    // Whoever has taken over has taken away what was being written, too: that is why it failed.
    await held.check().catch((lost: unknown) => {
      throw lost instanceof LostClaim ? lost : error;
    });
    const known = UnetError.is(error) && SHARED_ERRORS.has(error.code) ? error : undefined;
    await held.release(signal.aborted ? undefined : known);
    throw error;
  }
}

/** Takes out what is not what its checksum says, and says so; true when the entry is good. */
export async function keepIfGood(cache: Cache, entry: Entry, signal?: AbortSignal): Promise<boolean> {
  if ((await archiveFlaw(entry.file, entry.sha256, signal)) === undefined) {
    return true;
  }
  await discard(cache, entry);
  return false;
}

/** What earlier holders of this claim were writing when they were killed. */
async function removeLeftOvers({ paths }: Cache, key: string): Promise<void> {
  const names = (await readdir(paths.incoming)).filter((name) => name.startsWith(`${key}-`));
  for (const name of names) {
    await removeTree(join(paths.incoming, name), { beneath: paths.incoming }).catch(() => {});
  }
}
