/** The job's state as it is written down. */
import { hostname } from 'node:os';
import type { ErrorRecord } from '../errors.ts';
import type { ClusterPhase } from '../events/types.ts';
import { type JobState, STATE_VERSION } from '../job/state.ts';
import { portsOfSlot } from '../node/slots.ts';
import { ownIdentity } from '../process/identity.ts';
import type { Ports } from '../protocol/ports.ts';
import type { SupervisorOptions } from './cluster.ts';
import type { NodeEntry, Roster } from './roster.ts';

export type Facts = {
  /** The supervisor's own. */
  id: string;
  epoch: number;
  since: Date;
  socket: string;
  error: ErrorRecord | undefined;
  apiServer: { address: string; port: number } | undefined;
  /** Its path, there or not. */
  kubeconfig: string;
};

export function describeJob(
  cluster: { options: SupervisorOptions; roster: Roster; lead: NodeEntry; phase: () => ClusterPhase },
  facts: Facts,
): JobState {
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
      node: allocation.self,
      id: facts.id,
      ...ownIdentity(),
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
      boot: node.hello?.boot,
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
