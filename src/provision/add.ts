/** Putting a release into the cache beforehand: on a login node, for jobs without internet. */
import { join } from 'node:path';
import { type Entry, keyOf, markUsed, readEntry } from '../cache/entry.ts';
import { cacheDirectory } from '../cache/layout.ts';
import { keepIfGood, lookUp } from '../cache/obtain.ts';
import { type Cache, makeWritable, openCache } from '../cache/open.ts';
import { publish } from '../cache/publish.ts';
import { UnetError } from '../errors.ts';
import { packRelease } from './pack-release.ts';
import { obtainRelease, type ProvisionOptions } from './provision.ts';
import { type LocalReference, type ReleaseReference, referenceText } from './reference.ts';
import { wantedOf } from './wanted.ts';
import { roomIn } from './workspace.ts';

export type AddOptions = Omit<ProvisionOptions, 'destination' | 'strategy'>;

export type Added = { entry: Entry; wasThere: boolean };

/**
 * Adds what `reference` names, and checks it. A directory or tarball of a release that unet knows will do for its tag.
 *
 * @throws UnetError UNET_USAGE for what needs no cache, those of packing and of the cache.
 */
export async function addRelease(reference: ReleaseReference, options: AddOptions): Promise<Added> {
  if (reference.kind === 'rehearsal' || reference.kind === 'cached') {
    throw new UnetError('UNET_USAGE', `${referenceText(reference)} is not a release to add`, {
      remedy: 'the rehearsal release comes with unet; name a tag, a directory, a tarball or a URL',
    });
  }
  const cache = await openCache(cacheDirectory(options.cache, options.env));
  if (reference.kind === 'directory' || reference.kind === 'tarball') {
    return addLocal(reference, cache, options);
  }
  const there = await lookUp(cache.paths, wantedOf(reference));
  const wasThere = there !== undefined && (await keepIfGood(cache, there, options.signal));
  const entry = await obtainRelease(reference, cache, options);
  if (!(await keepIfGood(cache, entry, options.signal))) {
    throw new UnetError('UNET_RELEASE_CHECKSUM', `${entry.file} was damaged right after it was written`, {
      remedy: 'the cache’s disk may be faulty: choose another directory with --cache',
    });
  }
  return { entry, wasThere };
}

async function addLocal(reference: LocalReference, cache: Cache, options: AddOptions): Promise<Added> {
  return options.workspace(async (directory) => {
    const destination = join(directory, 'release.tar');
    const { sha256, bytes, file } = await packRelease(reference, {
      ...options,
      destination,
      workspace: roomIn(directory),
    });
    const there = await readEntry(cache.paths, sha256);
    if (there !== undefined && (await keepIfGood(cache, there, options.signal))) {
      await markUsed(there);
      return { entry: there, wasThere: true };
    }
    const facts = { sha256, bytes, source: referenceText(reference) };
    await makeWritable(cache);
    const entry = await publish(cache, keyOf(sha256), file, facts);
    await markUsed(entry);
    return { entry, wasThere: false };
  });
}
