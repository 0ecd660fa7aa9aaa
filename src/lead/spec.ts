/** The job spec: the first line of every agent's input. */
import { type JobSpec, PROTOCOL } from '../node/protocol.ts';
import type { SupervisorRequest } from './request.ts';

export type SpecOptions = {
  epoch: number;
  /** The first one leads. */
  nodes: readonly string[];
  /** What is in the job directory's file of that name, by which an agent knows that it sees the same directory. */
  nonce: string;
  mode?: JobSpec['mode'];
};

export function jobSpec(request: Omit<SupervisorRequest, 'cwd'>, options: SpecOptions): JobSpec {
  const { allocation, settings, jobDir, unet } = request;
  const { epoch, nodes, nonce, mode = 'bring-up' } = options;
  return {
    type: 'spec',
    protocol: PROTOCOL,
    unet,
    jobId: allocation.jobId,
    epoch,
    mode,
    lead: nodes[0] ?? '',
    nodes: [...nodes],
    oneHost: allocation.kind === 'local' || allocation.sharesHosts === true,
    fluxFiles: allocation.flux?.files,
    jobDir,
    nonce,
    nodeDir: settings.nodeDir,
    nodeDirShared: settings.nodeDirShared,
    engine: settings.engine,
    compose: settings.compose,
    interface: settings.interface,
    stepTimeouts: settings.stepTimeouts,
    heartbeatMs: settings.heartbeat,
    silenceMs: settings.silence,
    joinAttempts: settings.joinAttempts,
    timeoutMs: settings.timeout,
  };
}
