/** Making a node trust the certificates of `--ca-cert`, which the override mounts where its own tool looks. */
import { UnetError } from '../errors.ts';
import type { Environment } from '../process/environment.ts';
import { describeEnd, lastLines, run } from '../process/run.ts';
import { SERVICE } from './compose-file.ts';
import type { Engine } from './engine.ts';

export type TrustOptions = { stage: string; env: Environment; timeoutMs: number; signal: AbortSignal };

/**
 * Runs update-ca-certificates(8) in the node. Before kubeadm runs: a process reads its certificates once, and
 * containerd does so when it first pulls an image.
 *
 * @throws UnetError UNET_STEP_FAILED
 */
export async function trustCertificates(
  engine: Pick<Engine, 'compose'>,
  options: TrustOptions,
): Promise<void> {
  const { stage, env, timeoutMs, signal } = options;
  const argv = [...engine.compose, 'exec', '-T', SERVICE, 'update-ca-certificates'];
  const result = await run(argv, { env, cwd: stage, timeoutMs, signal });
  signal.throwIfAborted();
  if (result.exitCode !== 0) {
    throw new UnetError(
      'UNET_STEP_FAILED',
      `the node rejected the certificates: update-ca-certificates ${describeEnd(result, timeoutMs)}`,
      {
        tail: lastLines(`${result.stdout}\n${result.stderr}`),
        remedy: 'check that the files of --ca-cert are PEM certificates',
      },
    );
  }
}
