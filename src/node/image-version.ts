/** A node image of another Kubernetes than its release was made for is said before kubeadm meets it. */
import { readReleaseFacts } from '../pack/release-facts.ts';
import type { NodeContext } from './context.ts';
import type { StepLog } from './step-log.ts';
import { runInNode } from './steps/run-in-node.ts';

/** Only of an image that was not built from the release. Never rejects. */
export async function warnOfOtherVersion(
  context: NodeContext,
  log: StepLog,
  signal: AbortSignal,
): Promise<void> {
  const { spec, record, releaseSha256 } = context;
  if (spec.container.image === undefined) {
    return;
  }
  try {
    const [{ kubernetes }, answer] = await Promise.all([
      readReleaseFacts(record.stage, releaseSha256 ?? ''),
      runInNode(['kubeadm', 'version', '-o', 'short'], context, log, signal),
    ]);
    const found = minorOf(answer.stdout);
    if (kubernetes !== undefined && found !== undefined && found !== minorOf(kubernetes)) {
      const message = `the image ${spec.container.image} has kubeadm ${answer.stdout.trim()}, and the release's configuration is for Kubernetes ${kubernetes}: kubeadm may refuse it`;
      context.send({ type: 'warning', message });
    }
  } catch {
    // It only advises.
  }
}

/** "1.34" of "v1.34.2". */
function minorOf(version: string): string | undefined {
  return /^v?(\d+\.\d+)/m.exec(version)?.[1];
}
