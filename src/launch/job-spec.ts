/** The job spec: the first line of every agent's input. */

import { containerOptions } from '../engine/container-options.ts';
import { joinNeedsTools } from '../join/transports.ts';
import type { SupervisorRequest } from '../protocol/supervisor-request.ts';
import type { JobSpec } from '../protocol/to-agents.ts';
import { PROTOCOL } from '../protocol/version.ts';
import type { SchedulerJob } from '../scheduler/scheduler.ts';

export type SpecOptions = {
  epoch: number;
  /** The first one leads. */
  nodes: readonly string[];
  /** What is in the job directory's file of that name, by which an agent knows that it sees the same directory. */
  nonce: string;
  mode?: JobSpec['mode'];
};

export function jobSpec(
  request: Omit<SupervisorRequest, 'cwd'>,
  scheduler: SchedulerJob,
  options: SpecOptions,
): JobSpec {
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
    oneHost: scheduler.onOneHost,
    scheduler: {
      kind: allocation.kind,
      schedulerJobId: allocation.schedulerJobId,
      details: allocation.details,
    },
    clusterName: settings.name,
    supervisorNode: allocation.self,
    tools: mode === 'bring-up' && needsTools(settings, scheduler) ? [...scheduler.tools] : [],
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

/** Where the transport depends on what the nodes see, a node that lacks the programs fails when it comes to that. */
function needsTools({ joinVia, stage }: SupervisorRequest['settings'], scheduler: SchedulerJob): boolean {
  return stage === 'archive' || joinNeedsTools(joinVia, scheduler);
}
