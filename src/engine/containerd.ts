/** Waiting until containerd in the node answers: the container runs one to eight seconds before it does. */
import { setTimeout as sleep } from 'node:timers/promises';
import { UnetError } from '../errors.ts';
import type { Environment } from '../process/environment.ts';
import { lastLines, run } from '../process/run.ts';
import type { Engine } from './engine.ts';

// One try starts a compose command: about 0.3 s with podman-compose. Asking faster only costs CPU.
export const LEAD_POLL_MS = 150;
/** Workers have the lead's kubeadm init to wait for, so they leave the CPU of a shared host to it. */
export const WORKER_POLL_MS = 500;
const TRY_TIMEOUT_MS = 15_000;
// Not at every try: it is another command of the engine.
const LOOK_AFTER_MS = 1000;
const LOOK_EVERY_MS = 2000;

export type BootOptions = {
  /** Milliseconds between two tries. */
  pollMs: number;
  stage: string;
  env: Environment;
  timeoutMs: number;
  signal: AbortSignal;
  onLine?: (line: string) => void;
  /** Asked from time to time while there is no answer: what is wrong with the container, if it does not run. */
  whyNotRunning?: () => Promise<UnetError | undefined>;
};

/** @throws UnetError UNET_BOOT_TIMEOUT with what the last try said, and what `whyNotRunning` finds. */
export async function waitForContainerd(engine: Engine, options: BootOptions): Promise<void> {
  const deadline = performance.now() + options.timeoutMs;
  let said: string[] = [];
  let nextLook = performance.now() + LOOK_AFTER_MS;
  for (;;) {
    const result = await run([...engine.compose, 'exec', '-T', 'node', 'ctr', 'version'], {
      env: options.env,
      cwd: options.stage,
      timeoutMs: Math.max(1, Math.min(TRY_TIMEOUT_MS, deadline - performance.now())),
      signal: options.signal,
    });
    if (result.exitCode === 0) {
      return;
    }
    options.signal.throwIfAborted();
    const output = lastLines(`${result.stdout}\n${result.stderr}`, 6);
    said = result.timedOut && output.length === 0 ? said : output;
    options.onLine?.(`containerd does not answer yet: ${said.at(-1) ?? 'no output'}`);
    if (options.whyNotRunning !== undefined && performance.now() >= nextLook) {
      const problem = await options.whyNotRunning();
      options.signal.throwIfAborted();
      if (problem !== undefined) {
        throw problem;
      }
      nextLook = performance.now() + LOOK_EVERY_MS;
    }
    if (performance.now() + options.pollMs > deadline) {
      throw new UnetError(
        'UNET_BOOT_TIMEOUT',
        `containerd in the node did not answer within ${options.timeoutMs / 1000} s`,
        {
          tail: said,
          remedy:
            'is the container running, and does the node image fit the cgroup version of this host? --retain keeps it for a look',
        },
      );
    }
    await sleep(options.pollMs, undefined, { signal: options.signal });
  }
}
