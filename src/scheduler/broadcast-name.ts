/** What a job broadcasts is called after the job, so that its lead can remove all of it. */

/** Begins every name. */
export function broadcastPrefix(jobId: string): string {
  return `unet-${jobId}-`;
}

/** @param sha256 of what is broadcast: other content has another name. */
export function broadcastName(jobId: string, kind: 'pack' | 'release', sha256: string): string {
  return `${broadcastPrefix(jobId)}${kind}-${sha256.slice(0, 12)}`;
}
