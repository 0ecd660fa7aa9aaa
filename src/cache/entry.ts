/** The releases in a cache: reading, checking, and noting that one was used. Nothing here is written but that note. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import * as z from 'zod';
import { errnoOf } from '../errors.ts';
import type { CachePaths } from './layout.ts';

const Sha256 = z.string().regex(/^[0-9a-f]{64}$/);

/** What is known of a release, beside its archive. */
export const Facts = z.object({
  version: z.literal(1),
  sha256: Sha256,
  bytes: z.number().int().nonnegative(),
  /** Where it was first got from: `URL#TAG`, a path. */
  source: z.string(),
  commit: z.string().optional(),
  added: z.string(),
});
export type Facts = z.infer<typeof Facts>;

export const Source = z.object({
  version: z.literal(1),
  source: z.string(),
  sha256: Sha256,
  commit: z.string().optional(),
});
export type Source = z.infer<typeof Source>;

export type Entry = Facts & { directory: string; file: string };

export const ARCHIVE = 'release.tar';
export const FACTS = 'facts.json';
export const USED = 'used';
const GONE = new Set(['ENOENT', 'ENOTDIR', 'ESTALE']);
// Fewer reads on a shared filesystem: a release is some 150 KiB.
const READ_BYTES = 1024 * 1024;

export function entryDirectory({ releases }: CachePaths, sha256: string): string {
  return join(releases, sha256);
}

/** The name of the file that says what `source` is. */
export function sourceFile({ sources }: CachePaths, source: string): string {
  return join(sources, `${keyOf(source)}.json`);
}

/** A name for files, of any text. */
export function keyOf(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 32);
}

/** One open and one read. Undefined: it is not there, or was not written by unet. */
export async function readEntry(paths: CachePaths, sha256: string): Promise<Entry | undefined> {
  const directory = entryDirectory(paths, sha256);
  const facts = Facts.safeParse(await readJson(join(directory, FACTS)));
  return facts.success && facts.data.sha256 === sha256
    ? { ...facts.data, directory, file: join(directory, ARCHIVE) }
    : undefined;
}

/** What `source` was when it was fetched. */
export async function readSource(paths: CachePaths, source: string): Promise<Source | undefined> {
  const parsed = Source.safeParse(await readJson(sourceFile(paths, source)));
  return parsed.success && parsed.data.source === source ? parsed.data : undefined;
}

/** All entries, those whose checksum begins with `beginning`. */
export async function listEntries(paths: CachePaths, beginning = ''): Promise<Entry[]> {
  const names = (await readdir(paths.releases).catch(none)).filter((name) => name.startsWith(beginning));
  const entries = await Promise.all(names.sort().map((name) => readEntry(paths, name)));
  return entries.filter((entry) => entry !== undefined);
}

/** All that sources are known to be. */
export async function listSources(paths: CachePaths): Promise<Source[]> {
  const names = (await readdir(paths.sources).catch(none)).filter((name) => name.endsWith('.json'));
  const read = await Promise.all(names.sort().map((name) => readJson(join(paths.sources, name))));
  return read.map((one) => Source.safeParse(one)).flatMap(({ data }) => (data === undefined ? [] : [data]));
}

/** What is wrong with an archive; undefined: it is what its checksum says. */
export async function archiveFlaw(
  file: string,
  sha256: string,
  signal?: AbortSignal,
): Promise<string | undefined> {
  const hash = createHash('sha256');
  try {
    for await (const chunk of createReadStream(file, { signal, highWaterMark: READ_BYTES })) {
      hash.update(chunk as Buffer);
    }
  } catch (error) {
    signal?.throwIfAborted();
    return `cannot be read: ${errnoOf(error) ?? String(error)}`;
  }
  const actual = hash.digest('hex');
  return actual === sha256 ? undefined : `has the checksum ${actual}`;
}

/**
 * Before it is read: prune looks at it, and lets what was just used be. By the time at which the file server wrote the
 * file, since clients' clocks differ. A cache that may only be read has no such note.
 */
export async function markUsed({ directory }: Entry): Promise<void> {
  await writeFile(join(directory, USED), `${hostname()} ${process.pid}\n`, { mode: 0o600 }).catch(() => {});
}

/** When it was used last, by the file server's clock. */
export async function lastUsed({ directory }: Entry): Promise<Date> {
  const { mtime } = await stat(join(directory, USED)).catch(() => stat(join(directory, FACTS)));
  return mtime;
}

async function readJson(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, 'utf8'));
  } catch (error) {
    if (error instanceof SyntaxError || GONE.has(errnoOf(error) ?? '') || errnoOf(error) === 'EACCES') {
      return undefined;
    }
    throw error;
  }
}

function none(error: unknown): string[] {
  if (GONE.has(errnoOf(error) ?? '')) {
    return [];
  }
  throw error;
}
