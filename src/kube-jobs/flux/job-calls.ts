/** What is asked of Flux for one job of ours, each by Flux's own command. */

import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { UnetError } from '../../errors.ts';
import { type FluxOptions, flux, tryFlux } from '../../flux/flux.ts';
import { birth } from '../../flux/instance.ts';
import { putValue } from '../../flux/kvs.ts';

// Between the allocation and the moment when job-exec knows the job.
const START_TRIES_MS = 30_000;
const POLL_MS = 100;
// Lines are gathered for less than this before they are written.
const MARGIN_MS = 1000;

/** `flux-1a2b3c4d`: the beginning of the ids of this instance's jobs. */
export async function instanceKey(options: FluxOptions): Promise<string> {
  const digest = createHash('sha256')
    .update(await birth(options))
    .digest('hex');
  return `flux-${digest.slice(0, 8)}`;
}

/** Lets a job that has no tasks of Flux's begin: `flux job-exec-override start`. */
export async function startOverride(id: string, options: FluxOptions): Promise<void> {
  const deadline = performance.now() + START_TRIES_MS;
  for (;;) {
    const { exitCode, stderr } = await tryFlux(['job-exec-override', 'start', id], options);
    if (exitCode === 0 || /already running/.test(stderr)) {
      return;
    }
    if (!/not found/.test(stderr) || performance.now() > deadline) {
      throw new UnetError('UNET_KUBE_DAEMON', `flux job-exec-override start ${id}: ${stderr.trim()}`, {
        remedy:
          'it may have been submitted before "unet kube daemon" had prepared the instance: submit it again',
      });
    }
    await sleep(POLL_MS, undefined, { signal: options.signal });
  }
}

/** Ends it with `exitCode`. One that has ended already is fine. */
export async function finishOverride(id: string, exitCode: number, options: FluxOptions): Promise<void> {
  // A wait status, as of waitpid(2).
  await unlessEnded(['job-exec-override', 'finish', id, String((exitCode & 0xff) << 8)], options);
}

/** A fatal exception. `timeout` is what Flux itself raises at a job's expiration: the job's result is TIMEOUT then. */
export async function raise(
  id: string,
  type: 'kube' | 'timeout',
  note: string,
  options: FluxOptions,
): Promise<void> {
  await unlessEnded(['job', 'raise', '--severity=0', `--type=${type}`, id, ...note.split(/\s+/)], options);
}

/** "ERROR: Job not found", "raise f4d63EB9: job is inactive" (seen with Flux 0.88): it is over. Any other refusal would leave it running for ever. */
async function unlessEnded(args: readonly string[], options: FluxOptions): Promise<void> {
  const { exitCode, stderr } = await tryFlux(args, options);
  if (exitCode !== 0 && !/not found|inactive|unknown job/i.test(stderr)) {
    options.signal?.throwIfAborted();
    throw new UnetError('UNET_KUBE_DAEMON', `flux ${args.slice(0, 2).join(' ')} failed: ${stderr.trim()}`);
  }
}

/** The jobspec as it was submitted, without the environment. */
export async function jobspecOf(id: string, options: FluxOptions): Promise<string> {
  return await flux(['job', 'info', id, 'jobspec'], options);
}

/** Keeps `text` with the job in the KVS, for people; what is deleted goes by the record in the cluster. */
export async function keepWithJob(decimalId: string, text: string, options: FluxOptions): Promise<void> {
  await putValue(`${directoryOf(decimalId)}.unet-kube`, text, options);
}

/** A moment before which all of a job's lines are in its output, RFC 3339; undefined: there is none. Lines of its last second may come twice. */
export async function lastOutput(decimalId: string, options: FluxOptions): Promise<string | undefined> {
  const args = ['kvs', 'get', '--raw', `--namespace=job-${decimalId}`, 'output'];
  const { exitCode, stdout } = await tryFlux(args, options);
  const last = exitCode === 0 ? stdout.trim().split('\n').at(-1) : undefined;
  const timestamp = last === undefined ? undefined : (JSON.parse(last) as { timestamp: number }).timestamp;
  return timestamp === undefined ? undefined : new Date(timestamp * 1000 - MARGIN_MS).toISOString();
}

/** What `flux job id --to=kvs` says: `job.0000.0035.782b.4000`, see RFC 16. */
export function directoryOf(decimalId: string): string {
  const hex = BigInt(decimalId).toString(16).padStart(16, '0');
  return ['job', ...(hex.match(/.{4}/g) ?? [])].join('.');
}
