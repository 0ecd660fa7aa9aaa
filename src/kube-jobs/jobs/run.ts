/** A job in the foreground: made, followed, and removed whatever happens. For guests of Flux, for Slurm, for a terminal. */
import { EXIT, UnetError } from '../../errors.ts';
import { copyToFlux, removeFluxCopy } from '../flux/copy.ts';
import { Follower } from '../follow/follower.ts';
import { timeText } from '../follow/trouble.ts';
import type { JobRequest } from '../jobspec/jobspec.ts';
import { describeObject } from '../object.ts';
import { attendJob, type Ending } from './attend.ts';
import { createJob } from './create.ts';
import { prepareJob, type Session } from './prepare.ts';
import { removeJob } from './remove.ts';

// SIGTERM is followed by SIGKILL after KillWait (Slurm, 30 s) or 5 s (Flux): what is deleted by then is; we do not wait for pods to go.
const REMOVE_MS = 60_000;

export type RunJobOptions = {
  id: string;
  job: string | undefined;
  logs: boolean;
  onLine: (line: string, stream: 'stdout' | 'stderr') => void;
  /** For people: what is made, how it ends. */
  say: (line: string) => void;
  signal: AbortSignal;
};

/**
 * Resolves with the job's exit code: of the container that failed, 0, or 4 when what was to end by itself has not by the
 * walltime.
 *
 * @throws UnetError of everything that can go wrong before the objects are there; the signal's reason, with the objects removed
 */
export async function runJob(session: Session, request: JobRequest, options: RunJobOptions): Promise<number> {
  const { id, job, logs, onLine, say, signal } = options;
  const cluster = session.cluster();
  const { record: prepared, message } = await prepareJob(session, request, { id, job, signal });
  const record = await createJob(cluster, prepared, {
    onCreated: (object) => say(`created ${describeObject(object)}`),
    signal,
  });
  if (message !== undefined) {
    say(message);
  }
  const { durationMs } = record;
  const walltimeEnd = durationMs === undefined ? undefined : Date.now() + durationMs;
  const over = new AbortController();
  try {
    await copyToFlux(record, session.env, { say, signal });
    const follower = new Follower(cluster, AbortSignal.any([signal, over.signal]), (trouble) =>
      say(`${timeText(new Date())} ${trouble}`),
    );
    const ending = await attendJob(follower, record, { logs, onLine, walltimeEnd, signal });
    say(describeEnding(ending));
    return exitCodeOf(ending);
  } finally {
    over.abort();
    await removeFluxCopy(record, session.env);
    const { remaining } = await removeJob(cluster, record, {
      signal: AbortSignal.timeout(REMOVE_MS),
      waitMs: signal.aborted ? 0 : REMOVE_MS / 2,
    }).catch((error: unknown) => {
      throw UnetError.from(error).with({
        remedy: `"unet kube cancel ${id} -n ${record.namespace}" tries again`,
      });
    });
    remaining.forEach(({ kind, name }) => void say(`not gone yet: ${kind} ${name}`));
  }
}

export function describeEnding(ending: Ending): string {
  if (ending.type === 'walltime') {
    return ending.serving
      ? 'the walltime has expired: removing its objects'
      : 'the walltime expired before it ended';
  }
  return ending.failed ? `${ending.message} (exit code ${ending.exitCode})` : ending.message;
}

export function exitCodeOf(ending: Ending): number {
  if (ending.type === 'walltime') {
    return ending.serving ? EXIT.done : EXIT.timeout;
  }
  return ending.exitCode;
}
