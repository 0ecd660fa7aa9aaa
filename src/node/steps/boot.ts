/** containerd answers in the node, which then trusts the certificates that it is to trust. */

import { trustCertificates } from '../../engine/certificates.ts';
import { waitForContainerd } from '../../engine/containerd.ts';
import { whyNotRunning } from '../../engine/running.ts';
import { need, type Step } from '../context.ts';
import { runInNode } from './run-in-node.ts';

const MADE = 'make up succeeded, but';

export const boot: Step = {
  name: 'boot',
  // Certificates are trusted after containerd has answered, so an answer alone does not show them.
  isDone: async (context, log, signal) =>
    context.spec.container.caCerts.length === 0 &&
    (await runInNode(['ctr', 'version'], context, log, signal)).exitCode === 0,
  run: async (context, log, signal) => {
    const engine = need(context.nodeEngine, 'the compose command');
    const options = {
      stage: context.record.stage,
      env: context.environment(),
      timeoutMs: context.spec.stepTimeouts.boot,
      signal,
      onLine: log.line,
    };
    await waitForContainerd(engine, {
      ...options,
      whyNotRunning: () =>
        whyNotRunning(engine, { ...options, jobId: context.spec.jobId, node: context.node }, MADE),
    });
    context.onBooted();
    if (context.spec.container.caCerts.length > 0) {
      await trustCertificates(engine, options);
    }
  },
};
