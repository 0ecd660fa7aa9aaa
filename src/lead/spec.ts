/** The job spec: the first line of every agent's input. */

import { containerOptions } from '../engine/container-options.ts';
import { memoKey } from '../flux/names.ts';
import { PROTOCOL } from '../node/protocol.ts';
import type { JobSpec } from '../node/to-agents.ts';
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
    fluxMemo: allocation.flux === undefined ? undefined : memoKey(settings.name),
    supervisorNode: allocation.self,
    needsFlux: mode === 'bring-up' && comesByArchive(request),
    jobDir,
    nonce,
    nodeDir: settings.nodeDir,
    nodeDirShared: settings.nodeDirShared,
    engine: settings.engine,
    compose: settings.compose,
    container: containerOptions(settings),
    interface: settings.interface,
    stepTimeouts: settings.stepTimeouts,
    heartbeatMs: settings.heartbeat,
    silenceMs: settings.silence,
    joinAttempts: settings.joinAttempts,
    timeoutMs: settings.timeout,
  };
}

/** Where it depends on what the nodes see, one that lacks flux fails when it comes to that. */
function comesByArchive({
  allocation: { flux },
  settings: { joinVia, stage },
}: Pick<SupervisorRequest, 'allocation' | 'settings'>): boolean {
  const joins = joinVia === 'flux-archive' || (joinVia === 'auto' && flux?.files === 'archive');
  return flux?.files !== undefined && (joins || stage === 'archive');
}
