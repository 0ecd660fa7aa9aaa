/** The packed release as a Flux archive, for nodes that do not see the job directory. */
import { basename, dirname } from 'node:path';
import type { Allocation } from '../allocation/allocation.ts';
import { UnetError } from '../errors.ts';
import { createArchive } from '../flux/archive.ts';
import { fluxEnvironment } from '../flux/flux.ts';
import { archivePrefix } from '../join/flux-archive.ts';

/**
 * A function that archives a file and resolves with the archive's name; undefined where the allocation has no flux archive.
 * When that fails the function resolves with undefined, and says why to `warn`: the release then goes another way.
 * The archive is removed by the lead's agent at its end.
 */
export function releaseArchiver(
  { flux, jobId }: Allocation,
  env: NodeJS.ProcessEnv,
  warn: (message: string) => void,
): ((file: string, sha256: string) => Promise<string | undefined>) | undefined {
  if (flux?.files !== 'archive') {
    return undefined;
  }
  return async (file, sha256) => {
    const name = `${archivePrefix(jobId)}release-${sha256.slice(0, 12)}`;
    try {
      await createArchive({ name, env: fluxEnvironment(env, flux.uri) }, dirname(file), basename(file));
      return name;
    } catch (error) {
      warn(`the release is pushed down the agents' input: ${UnetError.from(error).message}`);
      return undefined;
    }
  };
}
