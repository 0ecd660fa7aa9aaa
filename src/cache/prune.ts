/** Taking out of a cache what has not been used for long, and what killed processes have left. */
import { randomBytes } from 'node:crypto';
import { readdir, rm, stat, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Entry, lastUsed, listEntries, listSources, sourceFile } from './entry.ts';
import { type Cache, cacheError, makeWritable } from './open.ts';
import { discard } from './publish.ts';

export type PruneOptions = {
  /** Milliseconds since the last use. */
  olderThanMs?: number | undefined;
  /** So many of those used last stay, however old. */
  keep?: number | undefined;
  dryRun: boolean;
};

export type Pruned = { entries: (Entry & { lastUsed: Date })[]; leftOvers: number };

/**
 * What has been used a moment ago is being used. A bring-up marks an entry, and then needs it for as long as it takes to
 * link or copy one file; what it reads afterwards is its own.
 */
const IN_USE_MS = 10 * 60_000;
// Writing an entry takes seconds, and a claim is renewed every two.
const LEFT_MS = 10 * 60_000;

/**
 * Removes the entries that are both older than `olderThanMs` and not among the `keep` used last; with neither of them
 * none. And the left-overs of processes that were killed.
 */
export async function prune(cache: Cache, { olderThanMs, keep, dryRun }: PruneOptions): Promise<Pruned> {
  await makeWritable(cache);
  const now = await serverTime(cache);
  const entries = await Promise.all(
    (await listEntries(cache.paths)).map(async (entry) => ({ ...entry, lastUsed: await lastUsed(entry) })),
  );
  const byUse = entries.sort((one, other) => other.lastUsed.getTime() - one.lastUsed.getTime());
  const unwanted = byUse.filter((entry, index) => {
    const age = now - entry.lastUsed.getTime();
    const wanted = olderThanMs === undefined && keep === undefined;
    return !wanted && index >= (keep ?? 0) && age >= Math.max(olderThanMs ?? 0, IN_USE_MS);
  });
  if (!dryRun) {
    for (const entry of unwanted) {
      await discard(cache, entry);
    }
    await forgetSources(cache);
  }
  return { entries: unwanted, leftOvers: await removeLeftOvers(cache, now, dryRun) };
}

/** The file server's clock, by which files have their times: that of a client may be off by minutes. */
async function serverTime({ paths }: Cache): Promise<number> {
  const probe = join(paths.incoming, `now-${randomBytes(6).toString('hex')}`);
  try {
    await writeFile(probe, '', { mode: 0o600, flag: 'wx' });
    return (await stat(probe)).mtimeMs;
  } catch (error) {
    throw cacheError(error, paths.directory);
  } finally {
    await unlink(probe).catch(() => {});
  }
}

async function forgetSources(cache: Cache): Promise<void> {
  const there = new Set((await listEntries(cache.paths)).map(({ sha256 }) => sha256));
  for (const { source, sha256 } of await listSources(cache.paths)) {
    if (!there.has(sha256)) {
      await unlink(sourceFile(cache.paths, source)).catch(() => {});
    }
  }
}

async function removeLeftOvers({ paths }: Cache, now: number, dryRun: boolean): Promise<number> {
  const candidates = await Promise.all(
    [paths.incoming, paths.claims].map(async (parent) =>
      (await readdir(parent).catch(() => [])).map((name) => join(parent, name)),
    ),
  );
  let removed = 0;
  for (const path of candidates.flat()) {
    if (now - (await newest(path)) >= LEFT_MS) {
      removed += 1;
      if (!dryRun) {
        await rm(path, { recursive: true, force: true });
      }
    }
  }
  return removed;
}

/** The last time that something at or beneath `path` was written. */
async function newest(path: string): Promise<number> {
  try {
    const { mtimeMs } = await stat(path);
    const names = await readdir(path, { recursive: true }).catch(() => []);
    const inner = await Promise.all(
      names.map((name) =>
        stat(join(path, name)).then(
          (stats) => stats.mtimeMs,
          () => 0,
        ),
      ),
    );
    return Math.max(mtimeMs, ...inner);
  } catch {
    return Number.POSITIVE_INFINITY; // It has just been taken away by its owner.
  }
}
