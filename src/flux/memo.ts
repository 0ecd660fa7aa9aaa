/** A word about a job in the listing of the instance that it runs in: flux-job(1) memo, `flux jobs -o '{user.KEY}'`. */
import { type FluxOptions, flux } from './flux.ts';

/**
 * Sets `key` of the job's memo, or with null takes it away. Volatile: the job's eventlog, which stays, has no word of it.
 *
 * @param options of the enclosing instance.
 */
export async function setMemo(
  jobId: string,
  key: string,
  value: object | null,
  options: FluxOptions,
): Promise<void> {
  await flux(['job', 'memo', '--volatile', jobId, `${key}=${JSON.stringify(value)}`], options);
}
