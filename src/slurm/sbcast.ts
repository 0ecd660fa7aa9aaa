/** A file to all nodes of a Slurm job, each from the next; see sbcast(1). */
import { UnetError } from '../errors.ts';
import type { Environment } from '../process/environment.ts';
import { describeEnd, lastLines, run } from '../process/run.ts';

export type SbcastOptions = { env: Environment; timeoutMs: number; signal?: AbortSignal | undefined };

/**
 * Writes `source` to `destination` on every node of the job; its directory has to be there. What is there is replaced.
 *
 * @throws UnetError UNET_PACK_UNREACHABLE with sbcast's last lines, UNET_TOOL_MISSING.
 */
export async function sbcast(
  jobId: string,
  source: string,
  destination: string,
  options: SbcastOptions,
): Promise<void> {
  const argv = ['sbcast', '--force', `--jobid=${jobId}`, source, destination];
  const result = await run(argv, options);
  options.signal?.throwIfAborted();
  if (result.exitCode !== 0) {
    throw new UnetError('UNET_PACK_UNREACHABLE', `sbcast ${describeEnd(result, options.timeoutMs)}`, {
      tail: lastLines(result.stderr || result.stdout),
      remedy: 'use --pack-via shared-fs',
    });
  }
}
