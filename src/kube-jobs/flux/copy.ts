/**
 * A copy of a job's list in Flux's KVS, for people to look at: what is deleted goes by the record in the cluster. In a job of Flux it is
 * in the namespace of that job, so its user can read it (`flux job info ID guest.unet-kube`), also as a guest; beside the jobs of an instance
 * of one's own, as in the script of flux batch, under `unet-kube.ID`.
 */
import { UnetError } from '../../errors.ts';
import { type FluxOptions, flux, fluxEnvironment } from '../../flux/flux.ts';
import { decimalJobId } from '../../flux/job-id.ts';
import { putValue, removeValue } from '../../flux/kvs.ts';
import { type JobRecord, withoutSecrets } from '../jobs/record.ts';

const KEY = 'unet-kube';
// Nothing depends on it.
const TIMEOUT_MS = 10_000;

/** Does nothing outside of Flux. What Flux refuses is said, and harms nothing. */
export async function copyToFlux(
  record: JobRecord,
  env: NodeJS.ProcessEnv,
  { say, signal }: { say: (line: string) => void; signal: AbortSignal },
): Promise<void> {
  if (!env.FLUX_URI) {
    return;
  }
  const options: FluxOptions = { env: fluxEnvironment(env), timeoutMs: TIMEOUT_MS, signal };
  const text = JSON.stringify(withoutSecrets(record.list));
  const job = jobOf(env);
  try {
    if (job === undefined) {
      await putValue(keyOf(record), text, options);
    } else {
      await flux(['kvs', 'put', `--namespace=job-${job}`, '--raw', `${KEY}=-`], { ...options, input: text });
    }
  } catch (error) {
    signal.throwIfAborted();
    const { message } = UnetError.from(error);
    // A guest who is in no job has no place in the KVS.
    if (!/not permitted|requires owner/i.test(message)) {
      say(`warning: the list of objects is not in Flux's KVS: ${message}`);
    }
  }
}

/** Removes the copy of a job that was made beside the jobs of an instance; one in a job stays with that, as its output does. Never throws. */
export async function removeFluxCopy(
  record: Pick<JobRecord, 'id' | 'job'>,
  env: NodeJS.ProcessEnv,
): Promise<void> {
  if (env.FLUX_URI && record.job?.startsWith('flux ') !== true) {
    await removeValue(keyOf(record), { env: fluxEnvironment(env), timeoutMs: TIMEOUT_MS }).catch(() => {});
  }
}

function keyOf({ id }: Pick<JobRecord, 'id'>): string {
  return `${KEY}.${id}`;
}

/** The job of Flux that this process is a task of, in decimal. */
function jobOf({ FLUX_JOB_ID: id = '' }: NodeJS.ProcessEnv): string | undefined {
  return /^\d+$/.test(id) ? id : decimalJobId(id);
}
