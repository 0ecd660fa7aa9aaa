/** The offline pack of a job: looked through before anything is touched, then where its release comes from. */
import type { Pack } from '../pack/reader.ts';
import type { PackedRelease } from '../provision/pack-release.ts';
import type { SupervisorOptions } from './cluster.ts';
import type { PackOptions } from './use-pack.ts';

export type JobPack = {
  /** Undefined without a pack. @throws UnetError UNET_PACK_… when it is refused. */
  open: () => Promise<Pack | undefined>;
  /** To be called when it is open. */
  release: () => Promise<PackedRelease>;
};

export function createJobPack(
  { settings, allocation, env }: SupervisorOptions,
  more: Omit<PackOptions, 'env'>,
): JobPack {
  const options: PackOptions = { ...more, env };
  let opened: Pack | undefined;
  return {
    open: async () => {
      if (settings.pack !== undefined) {
        // Most jobs have none, and need not read how one is read.
        const { openPack } = await import('../pack/reader.ts');
        const { refuseOtherMachine } = await import('./use-pack.ts');
        const { kubectlOfPack, verifyPack } = await import('./use-pack.ts');
        refuseOtherMachine(await openPack(settings.pack), allocation);
        opened = await verifyPack(settings.pack, options);
        await kubectlOfPack(opened, options);
      }
      return opened;
    },
    release: async () => {
      if (opened === undefined) {
        throw new TypeError('the pack is opened before its release is wanted');
      }
      const { releaseOfPack } = await import('./use-pack.ts');
      return await releaseOfPack(opened, options);
    },
  };
}
