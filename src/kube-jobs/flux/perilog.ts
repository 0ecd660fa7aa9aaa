/**
 * Without a daemon: Flux's prolog makes a job's objects, its epilog removes them, and a process for each job follows them in between.
 * The job waits in its epilog until they are gone.
 */
import pLimit from 'p-limit';
import { EXIT, UnetError } from '../../errors.ts';
import { type FluxOptions, fluxEnvironment, tryFlux } from '../../flux/flux.ts';
import { decimalJobId } from '../../flux/job-id.ts';
import { spawnDetached } from '../../process/detached.ts';
import { childEnvironment } from '../../process/environment.ts';
import { Follower } from '../follow/follower.ts';
import { namespaceOf, type Session } from '../jobs/prepare.ts';
import { readRecord } from '../jobs/record.ts';
import { removeJob } from '../jobs/remove.ts';
import { isKubeJobspec } from '../jobspec/jobspec.ts';
import { startBridge } from './bridge.ts';
import { FluxJob, objectsOf, requestOfJob } from './flux-job.ts';
import { instanceKey, jobspecOf } from './job-calls.ts';

export type HookOptions = { session: Session; signal: AbortSignal; say: (line: string) => void };

/** The job that a prolog or epilog is about; undefined where it is none of ours. */
type HookJob = { f58: string; decimal: string; jobspec: unknown; key: string; calls: FluxOptions };

/** Makes the objects of $FLUX_JOB_ID. What is thrown fails the prolog, and so the job. */
export async function runProlog(
  { session, signal, say }: HookOptions,
  followArgv: readonly string[],
): Promise<number> {
  const job = await hookJob(session, signal);
  if (job === undefined) {
    return EXIT.done;
  }
  const { f58, decimal, key, jobspec } = job;
  const { record } = await objectsOf(session, requestOfJob(jobspec, f58), {
    id: `${key}-${decimal}`,
    f58,
    signal,
  });
  say(`${f58}: ${record.list.items.length} objects of ${record.template} in ${record.namespace}`);
  const child = spawnDetached([...followArgv, f58], {
    env: childEnvironment(session.env, inherited(session.env)),
    cwd: '/',
    stdio: 'ignore',
  });
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', reject);
  });
  return EXIT.done;
}

/** Removes the objects of $FLUX_JOB_ID. */
export async function runEpilog({ session, signal, say }: HookOptions): Promise<number> {
  const job = await hookJob(session, signal);
  if (job === undefined) {
    return EXIT.done;
  }
  const { f58, decimal, key, jobspec } = job;
  const cluster = session.cluster();
  const record = await readRecord(
    cluster,
    `${key}-${decimal}`,
    namespaceOf(session, requestOfJob(jobspec, f58)),
    signal,
  );
  if (record === undefined) {
    return EXIT.done;
  }
  const { remaining } = await removeJob(cluster, record, { signal });
  remaining.forEach(({ kind, name }) => void say(`${f58}: not gone yet: ${kind} ${name}`));
  return remaining.length === 0 ? EXIT.done : EXIT.failed;
}

/** Follows one job, which its prolog has prepared, until it ends. */
export async function followJob({ session, signal, say }: HookOptions, f58: string): Promise<number> {
  const job = await hookJob({ ...session, env: { ...session.env, FLUX_JOB_ID: f58 } }, signal);
  if (job === undefined) {
    return EXIT.done;
  }
  const over = new AbortController();
  const ending = AbortSignal.any([signal, over.signal]);
  const bridge = await startBridge(job.calls.env, () => {}, say, { outputOnly: true });
  const cluster = session.cluster();
  const event = { id: job.decimal, f58, name: 'submit', timestamp: 0, context: {}, jobspec: job.jobspec };
  const fluxJob = new FluxJob({
    event,
    key: job.key,
    session,
    cluster,
    follower: new Follower(cluster, ending),
    bridge,
    limits: { create: pLimit(1), remove: pLimit(1) },
    options: job.calls,
    say,
    signal: ending,
  });
  try {
    fluxJob.take({ ...event, name: 'alloc' });
    // Nobody waits for the job itself: whatever has ended it ends in this event.
    await tryFlux(['job', 'wait-event', '--quiet', f58, 'finish'], { ...job.calls, timeoutMs: FOREVER_MS });
    fluxJob.take({ ...event, name: 'finish' });
    await fluxJob.settled();
    return EXIT.done;
  } finally {
    over.abort(new UnetError('UNET_INTERRUPTED', 'the job has ended'));
    await bridge.close();
  }
}

const FOREVER_MS = 2 ** 31 - 1;

async function hookJob(session: Session, signal: AbortSignal): Promise<HookJob | undefined> {
  const f58 = session.env.FLUX_JOB_ID;
  if (f58 === undefined || f58 === '') {
    throw new UnetError('UNET_USAGE', 'FLUX_JOB_ID is not set: this is for the prolog and epilog of Flux');
  }
  const calls: FluxOptions = { env: fluxEnvironment(session.env), signal };
  const jobspec: unknown = JSON.parse(await jobspecOf(f58, calls));
  const decimal = decimalJobId(f58);
  if (!isKubeJobspec(jobspec) || decimal === undefined) {
    return undefined;
  }
  return { f58, decimal, jobspec, key: await instanceKey(calls), calls };
}

/** What the follower needs to find the instance and the cluster. */
function inherited(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return { FLUX_URI: env.FLUX_URI, KUBECONFIG: env.KUBECONFIG };
}
