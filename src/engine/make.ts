/** Running one target of a release's Makefile: the one source of truth for what happens inside a node. */
import { UnetError } from '../errors.ts';
import type { Environment } from '../process/environment.ts';
import { describeEnd, lastLines, type RunResult, run } from '../process/run.ts';
import { withMakeVariables } from './make-variables.ts';
import { refusalOf } from './refusals.ts';

/** In the environment of all that make starts: by it the daemons that a target has left are found. */
const STAGE_VARIABLE = 'UNET_NODE_STAGE';

export function startedByMakeIn(stage: string): string {
  return `${STAGE_VARIABLE}=${stage}`;
}

export type MakeOptions = {
  stage: string;
  env: Environment;
  timeoutMs: number;
  signal?: AbortSignal | undefined;
  /** Receives each line of output, unredacted. */
  onLine?: ((line: string) => void) | undefined;
};

/** Runs `make TARGET` and resolves whatever came of it. */
export async function tryMake(target: string, options: MakeOptions): Promise<RunResult> {
  return await runMake(['-C', options.stage, target], options);
}

/** Runs make with the arguments `args` on the release in `stage`, and resolves whatever came of it. */
export async function runMake(args: readonly string[], options: MakeOptions): Promise<RunResult> {
  const { stage, timeoutMs, signal, onLine } = options;
  const env = await withMakeVariables({ directory: stage, env: options.env, timeoutMs, signal });
  // make would hand its own flags (-j, -n) down from an outer make.
  return await run(['make', ...args], {
    env: { ...env, MAKEFLAGS: '', [STAGE_VARIABLE]: stage },
    cwd: stage,
    timeoutMs,
    signal,
    onLine,
  });
}

/** @throws UnetError UNET_STEP_FAILED, UNET_STEP_TIMEOUT or what `refusalOf` knows, with the last lines of its output. */
export async function make(target: string, options: MakeOptions): Promise<RunResult> {
  const result = await tryMake(target, options);
  if (result.exitCode !== 0) {
    throw makeFailure(target, result, options.timeoutMs);
  }
  return result;
}

export function makeFailure(target: string, result: RunResult, timeoutMs: number): UnetError {
  const tail = lastLines(`${result.stdout}\n${result.stderr}`);
  const message = `make ${target} ${describeEnd(result, timeoutMs)}`;
  if (/No space left on device|Disk quota exceeded/i.test(result.stderr + result.stdout)) {
    return new UnetError('UNET_DISK_FULL', message, {
      fatal: true,
      tail,
      remedy: 'free space where the container engine keeps its images, or move its storage',
    });
  }
  const refusal = result.timedOut ? undefined : refusalOf(`${result.stdout}\n${result.stderr}`);
  if (refusal !== undefined) {
    return refusal;
  }
  return result.timedOut
    ? new UnetError('UNET_STEP_TIMEOUT', message, {
        tail,
        remedy: 'raise the deadline with --step-timeout, or see the log',
      })
    : new UnetError('UNET_STEP_FAILED', message, {
        tail,
        remedy: 'see the log for the complete output; --retain keeps the node for inspection',
      });
}
