/** Calling flux: its environment, its deadline, and what its complaints mean. */
import { UnetError } from '../errors.ts';
import { childEnvironment, type Environment } from '../process/environment.ts';
import { type RunResult, run } from '../process/run.ts';

/** Looked for on PATH. */
export const FLUX_COMMAND = 'flux';

// The local broker answers in milliseconds, and one under load in seconds.
const FLUX_TIMEOUT_MS = 60_000;

/**
 * What a child gets that talks to the broker at `uri`. The other FLUX_* of an outer step stay behind: FLUX_JOB_ID and
 * FLUX_KVS_NAMESPACE make commands answer for that step, and what flux(1) needs it sets by itself.
 */
export function fluxEnvironment(env: NodeJS.ProcessEnv, uri = env.FLUX_URI): Environment {
  // Job ids as "f…" instead of "ƒ…", see flux-environment(7).
  return childEnvironment(env, { FLUX_URI: uri, FLUX_F58_FORCE_ASCII: '1' });
}

export type FluxOptions = {
  env: Environment;
  signal?: AbortSignal | undefined;
  timeoutMs?: number;
  /** For its standard input. */
  input?: string;
};

/**
 * Runs `flux ARGS` and resolves with what came of it, whatever its exit code.
 *
 * @throws UnetError UNET_TOOL_MISSING without flux, UNET_ALLOCATION_UNREADABLE when the broker cannot be reached.
 */
export async function tryFlux(args: readonly string[], options: FluxOptions): Promise<RunResult> {
  const { timeoutMs = FLUX_TIMEOUT_MS } = options;
  const result = await run([FLUX_COMMAND, ...args], { ...options, timeoutMs }).catch(refine);
  if (result.exitCode !== 0 && isUnreachable(result.stderr)) {
    throw brokerGone(options.env.FLUX_URI, result.stderr);
  }
  return result;
}

/** As `tryFlux`, but anything else than exit code 0 is an error. */
export async function flux(args: readonly string[], options: FluxOptions): Promise<string> {
  const result = await tryFlux(args, options);
  if (result.exitCode === 0) {
    return result.stdout.trim();
  }
  const said = result.stderr.trim().split('\n').at(-1) ?? '';
  const end = result.timedOut ? 'did not answer in time' : `exited with ${result.exitCode ?? result.signal}`;
  throw new UnetError(
    'UNET_ALLOCATION_UNREADABLE',
    `flux ${args[0]} ${end}${said === '' ? '' : `: ${said}`}`,
    {
      remedy: `try "flux ${args.join(' ')}" by hand in the same shell`,
    },
  );
}

/** "flux: flux_open: No such file or directory", "flux-kvs: flux_open: Connection refused" (seen with Flux 0.88). */
function isUnreachable(stderr: string): boolean {
  return /^(flux\S*: )?(flux_open|ssh): /m.test(stderr);
}

function brokerGone(uri: string | undefined, stderr: string): UnetError {
  const said = stderr.trim().split('\n').at(-1);
  return new UnetError(
    'UNET_ALLOCATION_UNREADABLE',
    `FLUX_URI is ${uri ?? 'not set'}, and no broker answers there: ${said}`,
    {
      fatal: true,
      remedy:
        'has that Flux instance ended, or is it on another host? Start a shell in a living one ("flux alloc", "flux proxy ID"), or unset FLUX_URI',
    },
  );
}

function refine(error: unknown): never {
  if (UnetError.is(error) && error.code === 'UNET_TOOL_MISSING') {
    throw fluxMissing(error);
  }
  throw error;
}

/** flux is not on PATH. @param instead how to do without. */
export function fluxMissing(cause?: unknown, instead?: string): UnetError {
  const also = instead === undefined ? '' : `; ${instead}`;
  return new UnetError('UNET_TOOL_MISSING', 'flux was not found on PATH', {
    cause,
    fatal: true,
    remedy: `load the module that provides flux, or put its bin directory on PATH, also on the other nodes${also}`,
  });
}
