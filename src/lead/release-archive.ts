/** The packed release as a Flux archive, for nodes that do not see the job directory. */
import { basename, dirname } from 'node:path';
import type { Allocation } from '../allocation/allocation.ts';
import type { Settings } from '../config/schema.ts';
import { UnetError } from '../errors.ts';
import { createArchive } from '../flux/archive.ts';
import { fluxEnvironment } from '../flux/flux.ts';
import { ARCHIVE_SINCE } from '../flux/instance.ts';
import { tooOld } from '../flux/too-old.ts';
import { archivePrefix } from '../join/flux-archive.ts';

/** Archives a file, and resolves with the archive's name. */
export type ReleaseArchiver = (file: string, sha256: string) => Promise<string>;

/** Undefined where the allocation has no flux archive. The archive is removed by the lead's agent at its end. */
export function releaseArchiver(
  { flux, jobId }: Allocation,
  env: NodeJS.ProcessEnv,
): ReleaseArchiver | undefined {
  if (flux?.files !== 'archive') {
    return undefined;
  }
  return async (file, sha256) => {
    const name = `${archivePrefix(jobId)}release-${sha256.slice(0, 12)}`;
    await createArchive({ name, env: fluxEnvironment(env, flux.uri) }, dirname(file), basename(file));
    return name;
  };
}

/** @throws UnetError UNET_CONFIG_INVALID or UNET_FLUX_TOO_OLD when `stage` demands an archive and there is none to be had. */
export function refuseStage({ flux }: Allocation, stage: Settings['stage']): void {
  if (stage !== 'archive' || flux?.files === 'archive') {
    return;
  }
  const instead = 'leave --stage at auto';
  throw flux === undefined
    ? new UnetError('UNET_CONFIG_INVALID', '--stage archive is for Flux, and this is no Flux instance', {
        fatal: true,
        remedy: instead,
      })
    : tooOld(flux.version, ARCHIVE_SINCE, '--stage archive', instead);
}
