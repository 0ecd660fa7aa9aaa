/** How a join record gets from the lead to the workers. */
import type { Settings } from '../config/schema.ts';
import { UnetError } from '../errors.ts';
import { FILEMAP_SINCE } from '../flux/instance.ts';
import { tooOld } from '../flux/too-old.ts';
import type { JoinRecord } from './record.ts';

export type JoinTransport = {
  readonly name: TransportName;
  /** On the lead: makes the record visible to all workers. A later one replaces it. */
  publish: (record: JoinRecord, signal: AbortSignal) => Promise<void>;
  /**
   * On a worker: resolves with the first record of this bring-up. Stale and broken ones are reported and passed
   * over. Waits until `signal` says stop, and leaves no timer, listener or watcher behind.
   */
  watch: (signal: AbortSignal) => Promise<JoinRecord>;
  /** On the lead: takes the record away. Repeatable; never touches the record of another bring-up. */
  withdraw: () => Promise<void>;
};

export const TRANSPORTS = ['shared-fs', 'flux-archive', 'stdio'] as const;
export type TransportName = (typeof TRANSPORTS)[number];

/**
 * The transport for what was asked and what there is.
 *
 * @param everyNodeSeesJobDir each agent found the lead's nonce in the job directory.
 * @param fluxFiles how this Flux instance gives files to all ranks, if it is one and can.
 * @param fluxVersion of the instance, if it is one.
 * @throws UnetError UNET_CONFIG_INVALID when shared-fs was demanded but some node does not see the directory, or
 *   flux-archive outside of Flux; UNET_FLUX_TOO_OLD for flux-archive in a Flux that has none.
 */
export function chooseTransport(
  joinVia: Settings['joinVia'],
  everyNodeSeesJobDir: boolean,
  fluxFiles?: 'archive' | 'filemap',
  fluxVersion?: string,
): TransportName {
  if (joinVia === 'shared-fs' && !everyNodeSeesJobDir) {
    throw new UnetError(
      'UNET_CONFIG_INVALID',
      'not every node sees the job directory, so the join record cannot travel by shared-fs',
      {
        remedy: 'choose a directory on a shared filesystem with --job-dir, or leave --join-via at auto',
        fatal: true,
      },
    );
  }
  if (joinVia === 'flux-archive' && fluxFiles === undefined && fluxVersion !== undefined) {
    throw tooOld(fluxVersion, FILEMAP_SINCE, '--join-via flux-archive', 'leave --join-via at auto');
  }
  if (joinVia === 'flux-archive' && fluxFiles === undefined) {
    throw new UnetError(
      'UNET_CONFIG_INVALID',
      'this is no Flux instance, so the join record cannot travel by flux-archive',
      { remedy: 'leave --join-via at auto', fatal: true },
    );
  }
  if (joinVia === 'auto') {
    if (fluxFiles === 'archive') {
      return 'flux-archive';
    }
    if (everyNodeSeesJobDir) {
      return 'shared-fs';
    }
    return fluxFiles === undefined ? 'stdio' : 'flux-archive';
  }
  return joinVia;
}
