/**
 * The meeting point in the KVS namespace of a Flux job, which Flux makes for the job's own user when the job starts, that is,
 * after its prologs, and removes at its end. See flux-kvs(1) and RFC 16 ("guest namespace").
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { type MeetingPlace, type MeetingPoint, readMeetingPoint } from '../attach/meeting-point.ts';
import { UnetError } from '../errors.ts';
import { type FluxOptions, fluxEnvironment, tryFlux } from './flux.ts';

/** Everything of unet in the namespace is below this key. */
const DIRECTORY = 'unet';
const KEY = `${DIRECTORY}.meeting`;
const POLL_MS = 1000;
// How long one call waits for the key, once the namespace is there.
const WAIT_MS = 60_000;

export type FluxKvsOptions = {
  /** The job's id in decimal. */
  job: string;
  /** The broker; undefined: the one that flux finds by itself, as in a system instance. */
  uri: string | undefined;
  jobId: string;
  env: NodeJS.ProcessEnv;
};

export function fluxKvsPlace({ job, uri, jobId, env }: FluxKvsOptions): MeetingPlace {
  const namespace = `job-${job}`;
  const options: FluxOptions = { env: fluxEnvironment(env, uri) };
  return {
    publish: async (point, signal) => {
      for (;;) {
        // The key is secret: not on the command line.
        const put = ['kvs', 'put', `--namespace=${namespace}`, '--raw', `${KEY}=-`];
        const result = await tryFlux(put, { ...options, signal, input: JSON.stringify(point) });
        if (result.exitCode === 0) {
          return;
        }
        refuseForeign(result.stderr);
        await pause(signal);
      }
    },
    watch: async (signal) => {
      for (;;) {
        const get = ['kvs', 'get', `--namespace=${namespace}`, '--raw', '--waitcreate', KEY];
        const result = await tryFlux(get, { ...options, signal, timeoutMs: WAIT_MS });
        signal.throwIfAborted();
        const point: MeetingPoint | undefined =
          result.exitCode === 0 ? readMeetingPoint(result.stdout, jobId) : undefined;
        if (point !== undefined) {
          return point;
        }
        refuseForeign(result.stderr);
        await pause(signal);
      }
    },
    withdraw: async () => {
      // With the job the namespace goes; what the epilog then finds in the job's record it removes.
      await tryFlux(['kvs', 'unlink', `--namespace=${namespace}`, '-R', '-f', DIRECTORY], options).catch(
        () => undefined,
      );
    },
  };
}

async function pause(signal: AbortSignal): Promise<void> {
  await sleep(POLL_MS, undefined, { signal }).catch(() => signal.throwIfAborted());
}

function refuseForeign(stderr: string): void {
  if (/Operation not permitted/.test(stderr)) {
    throw new UnetError('UNET_FLUX_GUEST', `the KVS namespace of the job is not ours: ${stderr.trim()}`, {
      fatal: true,
      remedy: 'run "unet node up" as the user of the job',
    });
  }
}
