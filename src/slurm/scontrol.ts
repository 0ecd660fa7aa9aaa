/** Typed wrappers of scontrol and squeue: the plain forms, since `--json` is absent from many builds. */
import { UnetError } from '../errors.ts';
import type { Environment } from '../process/environment.ts';
import { runOk } from '../process/run.ts';

// slurmctld may be busy for long on a large site (its own MessageTimeout defaults to 10 s).
const SLURM_TIMEOUT_MS = 60_000;

/** Expands a Slurm host list ("rack[1-2]n[08-10],b") into names, in Slurm's order. */
export async function showHostnames(list: string, env: Environment, signal?: AbortSignal): Promise<string[]> {
  const { stdout } = await slurm(['scontrol', 'show', 'hostnames', list], env, signal);
  const names = stdout.split(/\s+/).filter((name) => name !== '');
  if (names.length === 0) {
    throw new UnetError('UNET_ALLOCATION_UNREADABLE', `scontrol made no host names of "${list}"`);
  }
  return names;
}

/** Milliseconds until the job's time limit; undefined when it has none. */
export async function timeLeft(
  jobId: string,
  env: Environment,
  signal?: AbortSignal,
): Promise<number | undefined> {
  const { stdout } = await slurm(['squeue', '-h', '-j', jobId, '-o', '%L'], env, signal);
  return parseTimeLeft(stdout.trim());
}

/** A job, or a component of a heterogeneous one, that is not over. */
export type JobFacts = {
  id: string;
  /** As squeue writes it: RUNNING, PENDING … */
  state: string;
  uid: number;
  /** Milliseconds; undefined: no limit. */
  leftMs: number | undefined;
  /** A host list; empty before it has nodes. */
  nodes: string;
};

/**
 * What Slurm knows of a job: its components in their order, or itself alone; none when it is over, or there never was one.
 *
 * @throws UnetError UNET_ALLOCATION_UNREADABLE when Slurm does not answer.
 */
export async function jobFacts(jobId: string, env: Environment, signal?: AbortSignal): Promise<JobFacts[]> {
  const argv = ['squeue', '-h', '-j', jobId, '-o', '%A|%i|%T|%U|%L|%N'];
  try {
    const { stdout } = await slurm(argv, env, signal);
    return parseJobFacts(stdout, jobId);
  } catch (error) {
    // "slurm_load_jobs error: Invalid job id specified": it is over for longer than MinJobAge.
    if (UnetError.is(error) && error.details.tail?.some((line) => /Invalid job id/i.test(line))) {
      return [];
    }
    throw error;
  }
}

/** With the id of the first task of an array squeue lists all tasks: only the lines of the job itself count. */
export function parseJobFacts(text: string, jobId: string): JobFacts[] {
  return text
    .split('\n')
    .map((line) => line.trim().split('|'))
    .filter(([id, name = '']) => id === jobId || name.startsWith(`${jobId}+`))
    .sort(([, a = ''], [, b = '']) => Number(a.split('+')[1] ?? 0) - Number(b.split('+')[1] ?? 0))
    .map(([id = '', , state = '', uid, left = '', nodes = '']) => ({
      id,
      state,
      uid: Number(uid),
      leftMs: parseTimeLeft(left),
      nodes,
    }));
}

/** The job's nodes as a host list. Asks slurmctld. */
export async function jobNodes(jobId: string, env: Environment, signal?: AbortSignal): Promise<string> {
  const { stdout } = await slurm(['squeue', '-h', '-j', jobId, '-o', '%N'], env, signal);
  return stdout.trim();
}

/** Reads squeue's %L: "10:00", "2:00:00", "1-02:00:00", "UNLIMITED", "NOT_SET", "INVALID". Milliseconds. */
export function parseTimeLeft(text: string): number | undefined {
  const match = /^(?:(\d+)-)?(?:(\d+):)?(\d+):(\d+)$/.exec(text);
  if (match === null) {
    return undefined;
  }
  const [, days = '0', hours = '0', minutes = '0', seconds = '0'] = match;
  return (((Number(days) * 24 + Number(hours)) * 60 + Number(minutes)) * 60 + Number(seconds)) * 1000;
}

async function slurm(argv: string[], env: Environment, signal?: AbortSignal) {
  try {
    return await runOk(argv, { env, timeoutMs: SLURM_TIMEOUT_MS, signal });
  } catch (error) {
    // Told to end: that is no fault of Slurm.
    signal?.throwIfAborted();
    const failure = UnetError.from(error);
    throw new UnetError('UNET_ALLOCATION_UNREADABLE', `asking Slurm failed: ${failure.message}`, {
      ...failure.details,
      cause: error,
      remedy: `try "${argv.join(' ')}" by hand; is the job still running, and slurmctld up?`,
    });
  }
}
