/** Waiting until containerd in the node answers: the container runs one to eight seconds before it does. */
import { setTimeout as sleep } from 'node:timers/promises';
import { UnetError } from '../errors.ts';
import type { Environment } from '../process/environment.ts';
import { lastLines, run } from '../process/run.ts';
import type { Engine } from './engine.ts';

// Asked in the node: to start a compose command for each look takes 0.3 s of a CPU with podman-compose, and as long to notice.
// Before its socket is there (ctr's own default) nothing is started but a sleep. The loop ends by itself, since who is
// killed inside an exec of podman leaves what it has started there.
const SOCKET = '/run/containerd/containerd.sock';
const LOOKS = 250;
const ASK =
  `n=0; until [ -S ${SOCKET} ] && ctr version; do n=$((n+1)); ` +
  `[ $n -lt ${LOOKS} ] || { ctr version; exit 1; }; sleep 0.04; done`;
const ASK_TIMEOUT_MS = 30_000;
// Where the container does not run (yet), asking fails at once.
const PAUSE_MS = 150;
// Not every time: it is another command of the engine.
const LOOK_AFTER_MS = 1000;
const LOOK_EVERY_MS = 2000;

export type BootOptions = {
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
    const result = await run([...engine.compose, 'exec', '-T', 'node', 'sh', '-c', ASK], {
      env: options.env,
      cwd: options.stage,
      timeoutMs: Math.max(1, Math.min(ASK_TIMEOUT_MS, deadline - performance.now())),
      signal: options.signal,
    });
    if (result.exitCode === 0) {
      return;
    }
    options.signal.throwIfAborted();
    const output = lastLines(`${result.stdout}\n${result.stderr}`, 6);
    said = result.timedOut && output.length === 0 ? said : output;
    options.onLine?.(`containerd is not ready yet: ${said.at(-1) ?? 'no output'}`);
    if (options.whyNotRunning !== undefined && performance.now() >= nextLook) {
      const problem = await options.whyNotRunning();
      options.signal.throwIfAborted();
      if (problem !== undefined) {
        throw problem;
      }
      nextLook = performance.now() + LOOK_EVERY_MS;
    }
    if (performance.now() + PAUSE_MS > deadline) {
      throw new UnetError(
        'UNET_BOOT_TIMEOUT',
        `containerd in the node did not answer within ${options.timeoutMs / 1000} s`,
        {
          tail: said,
          remedy:
            'check that the container is running and that the node image supports this host’s cgroup version; --retain keeps it for inspection',
        },
      );
    }
    await sleep(PAUSE_MS, undefined, { signal: options.signal });
  }
}
