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
    const failure = UnetError.from(error);
    throw new UnetError('UNET_ALLOCATION_UNREADABLE', `asking Slurm failed: ${failure.message}`, {
      ...failure.details,
      cause: error,
      remedy: `try "${argv.join(' ')}" by hand; is the job still running, and slurmctld up?`,
    });
  }
}
