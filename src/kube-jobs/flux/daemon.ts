/**
 * The daemon of an instance: jobs with `flux-kube: 1` become objects when they are allocated, and end with them. It remembers
 * nothing itself. Which jobs there are is in Flux, what they have made is in their records; when it starts again it goes on with both.
 */
import pLimit from 'p-limit';
import { withDeadline } from '../../cluster/deadline.ts';
import { EXIT, UnetError } from '../../errors.ts';
import { type FluxOptions, fluxEnvironment } from '../../flux/flux.ts';
import { getattr, isEnding } from '../../flux/instance.ts';
import { Follower } from '../follow/follower.ts';
import type { Session } from '../jobs/prepare.ts';
import { listRecords } from '../jobs/record.ts';
import { removeJob } from '../jobs/remove.ts';
import { type JobEvent, startBridge } from './bridge.ts';
import { FluxJob } from './flux-job.ts';
import { prepareInstance } from './instance.ts';
import { instanceKey } from './job-calls.ts';

/** How many jobs make their objects at the same time. */
const CREATE_AT_ONCE = 8;
/** How many remove theirs. They wait for pods that take their time to end, and neither new jobs nor each other should wait for that. */
const REMOVE_AT_ONCE = 64;
const REMOVE_MS = 60_000;
const TAIL = 12;
const ANSWER_MS = 5000;

export type DaemonOptions = {
  session: Session;
  say: (line: string) => void;
  /** All that was there has been taken up. */
  onReady?: () => void;
  signal: AbortSignal;
};

/**
 * Runs until `signal` aborts or the instance ends. Jobs go on without it: their objects stay, and the next daemon takes them up.
 *
 * @throws UnetError UNET_KUBE_DAEMON where there is one already, and when it can no longer follow the jobs of a living instance; UNET_FLUX_GUEST
 */
export async function runDaemon({
  session,
  say,
  onReady = () => {},
  signal,
}: DaemonOptions): Promise<number> {
  const over = new AbortController();
  const ending = AbortSignal.any([signal, over.signal]);
  const options: FluxOptions = { env: fluxEnvironment(session.env), signal: ending };
  await prepareInstance(options, say);
  const cluster = session.cluster();
  const key = await instanceKey(options);
  const follower = new Follower(cluster, ending, (trouble) => say(`the cluster: ${trouble}`));
  const limits = { create: pLimit(CREATE_AT_ONCE), remove: pLimit(REMOVE_AT_ONCE) };
  const jobs = new Map<string, FluxJob>();
  // Until all that was there has been taken up, events wait: one that came before an earlier one of its job would be lost.
  let waiting: JobEvent[] | undefined = [];
  const receive = (event: JobEvent) => (waiting === undefined ? take(event) : void waiting.push(event));
  const said: string[] = [];
  const bridge = await startBridge(options.env, receive, (line) => {
    said.push(line);
    said.splice(0, said.length - TAIL);
    say(`flux: ${line}`);
  });

  const take = (event: JobEvent) => {
    if (event.name === 'submit') {
      jobs.set(
        event.id,
        new FluxJob({ event, key, session, cluster, follower, bridge, limits, options, say, signal: ending }),
      );
    }
    const job = jobs.get(event.id);
    job?.take(event);
    if (event.name === 'clean') {
      void job?.settled().then(() => jobs.delete(event.id));
    }
  };

  try {
    await Promise.race([bridge.current, aborted(ending)]);
    const ended = endedJobs(waiting);
    const living = new Set(waiting.map(({ id }) => id).filter((id) => !ended.has(id)));
    await removeOrphans(session, cluster, key, living, say, ending);
    const events = waiting;
    waiting = undefined;
    events.filter(({ id }) => !ended.has(id)).forEach(take);
    onReady();
    const how = await Promise.race([bridge.ended, aborted(signal)]);
    if (how !== undefined) {
      if (await answers(options)) {
        throw new UnetError('UNET_KUBE_DAEMON', `the program that follows the jobs ${how.reason}`, {
          tail: said.slice(-TAIL),
          remedy: 'start the daemon again: it goes on with the jobs that there are',
        });
      }
      say(`the Flux instance has ended (${how.reason})`);
    }
    return EXIT.done;
  } finally {
    over.abort(signal.aborted ? signal.reason : new UnetError('UNET_INTERRUPTED', 'the daemon ends'));
    await Promise.allSettled([...jobs.values()].map((job) => job.settled()));
    await bridge.close();
  }
}

/** Whether the instance is still there. */
async function answers(options: FluxOptions): Promise<boolean> {
  const rank = await getattr('rank', { ...options, timeoutMs: ANSWER_MS }).catch(() => undefined);
  return rank !== undefined && !(await isEnding({ ...options, timeoutMs: ANSWER_MS }).catch(() => true));
}

function endedJobs(events: readonly JobEvent[]): Set<string> {
  return new Set(events.filter(({ name }) => name === 'clean').map(({ id }) => id));
}

/** What jobs have left that ended while there was no daemon. */
async function removeOrphans(
  session: Session,
  cluster: ReturnType<Session['cluster']>,
  key: string,
  living: ReadonlySet<string>,
  say: (line: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const records = await listRecords(cluster, undefined, signal).catch(() =>
    // Not everybody may look into all namespaces.
    listRecords(cluster, session.namespace ?? cluster.namespace, signal),
  );
  const orphans = records.filter(
    ({ id }) => id.startsWith(`${key}-`) && !living.has(id.slice(key.length + 1)),
  );
  for (const orphan of orphans) {
    say(`removing what the job ${orphan.job ?? orphan.id} has left`);
    // Not AbortSignal.any with a timeout of its own: nothing else would hold that, and it is collected before it fires (Node 20).
    await withDeadline(`remove ${orphan.id}`, { timeoutMs: REMOVE_MS, signal }, (both) =>
      removeJob(cluster, orphan, { signal: both }),
    ).catch((error: unknown) => say(`${orphan.id}: ${UnetError.from(error).message}`));
  }
}

function aborted(signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => {
    if (signal.aborted) {
      resolve(undefined);
    }
    signal.addEventListener('abort', () => resolve(undefined), { once: true });
  });
}
