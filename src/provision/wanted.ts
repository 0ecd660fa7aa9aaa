/** A release as the cache knows it. */
import type { Wanted } from '../cache/obtain.ts';
import { pinOf } from './pins.ts';
import { type RemoteReference, referenceText } from './reference.ts';

/** What is asked of a cache for a release that has to be fetched. */
export function wantedOf(reference: RemoteReference): Wanted {
  const pin = reference.kind === 'git' ? pinOf(reference.url, reference.ref) : undefined;
  return { source: referenceText(reference), sha256: pin?.sha256 };
}
