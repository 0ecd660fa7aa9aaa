/** Caches for tests, and small archives to put into them. */
import { createHash } from 'node:crypto';
import { utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Entry, USED } from '../../src/cache/entry.ts';
import { type Fetched, obtain, type Wanted } from '../../src/cache/obtain.ts';
import { type Cache, makeWritable, openCache } from '../../src/cache/open.ts';
import { place } from '../files/place.ts';

export async function newCache(): Promise<Cache> {
  const cache = await openCache(join(await place(), 'cache'));
  await makeWritable(cache);
  return cache;
}

/** Any file will do for the cache. */
export async function archive(content: string): Promise<Fetched> {
  const file = join(await place(), 'release.tar');
  await writeFile(file, content);
  const sha256 = createHash('sha256').update(content).digest('hex');
  return { file, sha256, bytes: content.length };
}

/** Obtains what is fetched as `content`, after `before`; counts how often it is. A dead holder is waited for in vain. */
export function fetching(
  content: string,
  { before = async () => {}, ...fetched }: Partial<Fetched> & { before?: () => Promise<void> } = {},
) {
  const counter = { fetches: 0 };
  const get = (cache: Cache, wanted: Wanted, signal = new AbortController().signal): Promise<Entry> =>
    obtain(cache, wanted, {
      signal,
      claims: { beatMs: 50, deadMs: 600_000, pollMs: 10 },
      fetch: async (use) => {
        counter.fetches += 1;
        await before();
        return use({ ...(await archive(content)), ...fetched });
      },
    });
  return { get, counter };
}

/** As if it had been used last so long ago. */
export async function usedAgo(entry: Entry, milliseconds: number): Promise<void> {
  const then = new Date(Date.now() - milliseconds);
  await utimes(join(entry.directory, USED), then, then);
}
