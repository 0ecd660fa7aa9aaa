/** Running one target of a release's Makefile: the one source of truth for what happens inside a node. */
import { UnetError } from '../errors.ts';
import type { Environment } from '../process/environment.ts';
import { describeEnd, lastLines, type RunResult, run } from '../process/run.ts';

export type MakeOptions = {
  stage: string;
  env: Environment;
  timeoutMs: number;
  signal?: AbortSignal | undefined;
  /** Receives each line of output, unredacted. */
  onLine?: (line: string) => void;
};

/** Runs `make TARGET` and resolves whatever came of it. */
export function tryMake(target: string, options: MakeOptions): Promise<RunResult> {
  return run(['make', '-C', options.stage, target], {
    // make would hand its own flags (-j, -n) down from an outer make.
    env: { ...options.env, MAKEFLAGS: '' },
    cwd: options.stage,
    timeoutMs: options.timeoutMs,
    signal: options.signal,
    onLine: options.onLine,
  });
}

/** @throws UnetError UNET_STEP_FAILED or UNET_STEP_TIMEOUT, with the last lines of its output. */
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
  return result.timedOut
    ? new UnetError('UNET_STEP_TIMEOUT', message, {
        tail,
        remedy: 'raise the deadline with --step-timeout, or look into the log',
      })
    : new UnetError('UNET_STEP_FAILED', message, {
        tail,
        remedy: 'the log has the whole output; --retain keeps the node for a look',
      });
}
