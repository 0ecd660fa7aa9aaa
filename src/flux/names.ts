/** Under which names a job is found in Flux; see docs/flux.md. */

/** The KVS directory with a record for each job that has a cluster in the instance. */
export const RECORDS = 'unet';

/** The KVS key of a job's record. */
export function recordKey(jobId: string): string {
  return `${RECORDS}.${jobId}`;
}

/** The key in the memo of the job that the instance is: `flux jobs -o '{user.unet.phase}'`. */
export function memoKey(clusterName: string): string {
  return clusterName === 'default' ? 'unet' : `unet-${clusterName}`;
}
