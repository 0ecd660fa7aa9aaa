/** The job's state as it is written down. */
import { hostname } from 'node:os';
import type { ErrorRecord } from '../errors.ts';
import { type JobState, STATE_VERSION } from '../job/state.ts';
import type { Ports } from '../node/ports.ts';
import { portsOfSlot } from '../node/slots.ts';
import type { Cluster } from './cluster.ts';

export type Facts = {
  epoch: number;
  since: Date;
  socket: string;
  error: ErrorRecord | undefined;
  apiServer: { address: string; port: number } | undefined;
  /** Its path, there or not. */
  kubeconfig: string;
};

export function describeJob(cluster: Cluster, facts: Facts): JobState {
  const { allocation, settings, unet, jobDir } = cluster.options;
  const { epoch, since, socket, error, apiServer, kubeconfig } = facts;
  const { kind, schedulerJobId, endsAt } = allocation;
  return {
    version: STATE_VERSION,
    unet,
    jobId: allocation.jobId,
    name: settings.name,
    epoch,
    allocation: { kind, schedulerJobId, endsAt },
    release: settings.release,
    lead: cluster.lead.name,
    phase: cluster.phase(),
    since: since.toISOString(),
    jobDir,
    supervisor: {
      host: hostname(),
      rank: allocation.flux?.rank,
      pid: process.pid,
      socket,
      alive: new Date().toISOString(),
    },
    kubeconfig: apiServer === undefined ? undefined : kubeconfig,
    apiServer,
    ports: portsOf(cluster.lead.slot),
    nodes: [...cluster.roster.values()].map((node) => ({
      name: node.name,
      role: node.role,
      phase: node.phase,
      nodeName: node.nodeName,
      host: node.hello?.host,
      nodeDir: node.hello?.nodeDir,
      step: [...node.steps].at(-1),
      ports: portsOf(node.slot),
      message: node.error?.message ?? (node.phase === 'joined' ? node.kubeMessage : undefined),
      clean: node.clean,
    })),
    error: error === undefined ? undefined : { ...error },
  };
}

function portsOf(slot: number | undefined): Ports | undefined {
  return slot === undefined ? undefined : portsOfSlot(slot);
}
