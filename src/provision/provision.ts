/** The release of a job, by the strategy that was asked for: as one archive that every node gets. */
import { join } from 'node:path';
import { archiveFlaw, type Entry, listEntries, markUsed } from '../cache/entry.ts';
import { cacheDirectory } from '../cache/layout.ts';
import { lookUp, obtain } from '../cache/obtain.ts';
import { type Cache, openCache, openSiteCache, type SiteCache } from '../cache/open.ts';
import { discard } from '../cache/publish.ts';
import { errnoOf, UnetError } from '../errors.ts';
import { linkOrCopyFile } from '../files/link-or-copy.ts';
import { withDeadline } from '../process/deadline.ts';
import { type PackedRelease, type PackOptions, packRelease } from './pack-release.ts';
import { isUpstream } from './pins.ts';
import {
  type CachedReference,
  type ReleaseReference,
  type RemoteReference,
  referenceText,
} from './reference.ts';
import { wantedOf } from './wanted.ts';
import { roomIn, type Workspace } from './workspace.ts';

export type Strategy = 'cache' | 'clone' | 'dir';

export type CacheOptions = {
  /** `--cache`; undefined: where the environment says. */
  cache?: string | undefined;
  cacheFrom?: string | undefined;
};

export type ProvisionOptions = CacheOptions &
  Omit<PackOptions, 'workspace' | 'signal'> & {
    strategy: Strategy;
    workspace: Workspace;
    signal: AbortSignal;
    /** For the user: what is odd, or takes long. */
    onNote: (message: string) => void;
  };

/** Damage is repaired by fetching again; what is damaged again and again is the disk's. */
const TRIES = 3;
// By somebody's prune, a moment ago.
const GONE = 'is gone';

/**
 * Writes the release to `destination`.
 *
 * - What lies on this machine (a directory, a tarball, the rehearsal) is packed from there, whatever the strategy.
 * - `cache`: the archive comes from a cache, which it is first put into by whoever of all is first.
 * - `clone`: fetched anew, into this node's own room.
 * - `dir`: what is not on this machine is refused.
 *
 * @throws UnetError UNET_USAGE (dir), UNET_RELEASE_NOT_FOUND (sha256:…), those of packing and of the cache.
 */
export async function provisionRelease(
  reference: ReleaseReference,
  options: ProvisionOptions,
): Promise<PackedRelease> {
  if (reference.kind !== 'git' && reference.kind !== 'download' && reference.kind !== 'cached') {
    return packRelease(reference, options);
  }
  if (options.strategy === 'dir') {
    throw new UnetError(
      'UNET_USAGE',
      `--provision dir needs a local directory or tarball, and ${referenceText(reference)} does not`,
      { fatal: true, remedy: 'name a directory or a tarball with --release, or choose --provision cache' },
    );
  }
  if (reference.kind === 'cached') {
    return fromCache(reference, options);
  }
  return options.strategy === 'clone' ? packRelease(reference, options) : fromCache(reference, options);
}

async function fromCache(
  reference: RemoteReference | CachedReference,
  options: ProvisionOptions,
): Promise<PackedRelease> {
  const { destination, signal, onNote } = options;
  const site = options.cacheFrom === undefined ? undefined : await openSiteCache(options.cacheFrom);
  const shown = referenceText(reference);
  const fromSite = await siteEntry(reference, site, onNote);
  if (fromSite !== undefined) {
    const flaw = await take(fromSite, destination, signal);
    if (flaw === undefined) {
      return describe(fromSite, destination, shown);
    }
    onNote(`${fromSite.file} (--cache-from) ${flaw}; ignoring it`);
  }
  const cache = await openCache(cacheDirectory(options.cache, options.env));
  for (let attempt = 1; ; attempt += 1) {
    const entry =
      reference.kind === 'cached'
        ? await cachedEntry(reference, cache)
        : await obtainRelease(reference, cache, options);
    const flaw = await take(entry, destination, signal);
    if (flaw === undefined) {
      return describe(entry, destination, shown);
    }
    if (flaw !== GONE) {
      onNote(`${entry.file} ${flaw}; removing it from the cache`);
    }
    await discard(cache, entry);
    if (attempt === TRIES) {
      throw new UnetError('UNET_RELEASE_CHECKSUM', `${shown} in the cache ${flaw}, ${TRIES} times in a row`, {
        remedy: 'the cache’s disk may be faulty: choose another directory with --cache',
      });
    }
  }
}

/** The release in `cache`, fetched where it is not there. Its content is not checked. */
export async function obtainRelease(
  reference: RemoteReference,
  cache: Cache,
  options: Omit<ProvisionOptions, 'destination' | 'strategy'>,
): Promise<Entry> {
  const { signal, onNote, timeoutMs } = options;
  const wanted = wantedOf(reference);
  if (reference.kind === 'git' && wanted.sha256 === undefined && isUpstream(reference.url)) {
    onNote(`${reference.ref} is not a release whose checksum unet knows (see "unet releases")`);
  }
  return await withDeadline(
    timeoutMs,
    signal,
    (limit) =>
      obtain(cache, wanted, {
        signal: limit,
        onWait: (holder) => onNote(`${holder} is fetching ${wanted.source}; waiting`),
        fetch: (use, until) =>
          options.workspace(async (directory) => {
            const packed = await packRelease(reference, {
              ...options,
              destination: join(directory, 'release.tar'),
              signal: until,
              workspace: roomIn(directory),
            });
            if (packed.isBranch === true) {
              onNote(
                `${wanted.source} is a branch and is fetched again for every job; name a tag or commit to avoid that`,
              );
            }
            return use(packed);
          }),
      }),
    () =>
      new UnetError(
        'UNET_RELEASE_FETCH',
        `${wanted.source} was not in the cache within ${timeoutMs / 1000} s`,
        {
          remedy:
            'the network may be slow, for this process or the one it waited for; raise --step-timeout stage=',
        },
      ),
  );
}

async function siteEntry(
  reference: RemoteReference | CachedReference,
  site: SiteCache | undefined,
  onNote: (message: string) => void,
): Promise<Entry | undefined> {
  if (site === undefined) {
    return undefined;
  }
  if (reference.kind === 'cached') {
    const whole = reference.sha256.length === 64;
    return whole || site.trusted ? (await listEntries(site.paths, reference.sha256))[0] : undefined;
  }
  const wanted = wantedOf(reference);
  if (wanted.sha256 === undefined && !site.trusted) {
    onNote(
      `${site.paths.directory} (--cache-from) is writable by users other than root and you; using only releases whose checksum unet knows from it`,
    );
    return undefined;
  }
  return lookUp(site.paths, wanted);
}

async function cachedEntry({ sha256 }: CachedReference, cache: Cache): Promise<Entry> {
  const [entry, ...others] = await listEntries(cache.paths, sha256);
  if (entry === undefined || others.length > 0) {
    throw new UnetError(
      'UNET_RELEASE_NOT_FOUND',
      entry === undefined
        ? `no release in ${cache.paths.directory} has a checksum that begins with ${sha256}`
        : `${others.length + 1} releases in ${cache.paths.directory} have a checksum that begins with ${sha256}`,
      { fatal: true, remedy: 'see "unet cache list"' },
    );
  }
  await markUsed(entry);
  return entry;
}

/** Takes the archive before it is checked, so that what was checked is what is used. Resolves with its flaw. */
async function take(entry: Entry, destination: string, signal: AbortSignal): Promise<string | undefined> {
  try {
    await linkOrCopyFile(entry.file, destination);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') {
      return GONE;
    }
    throw error;
  }
  return archiveFlaw(destination, entry.sha256, signal);
}

function describe({ sha256, bytes, commit }: Entry, file: string, shown: string): PackedRelease {
  const description = commit === undefined ? shown : `${shown} (commit ${commit.slice(0, 12)})`;
  return { file, sha256, bytes, description, ...(commit === undefined ? {} : { commit }) };
}
