/** The node gets its ports, its names and its address. */
import { identityVariables } from '../engine/identity.ts';
import { UnetError } from '../errors.ts';
import { workerAddress } from '../launch/address.ts';
import { type NodeContext, need } from './context.ts';

/**
 * Waits for the assignment, and sets the make variables that follow from it. The supervisor bounds the wait: it assigns
 * when all have greeted, or their time is over.
 *
 * @throws UnetError UNET_ADDRESS_UNKNOWN, already reported.
 */
export async function identify(context: NodeContext, signal: AbortSignal): Promise<void> {
  const { inbox, node, record, spec } = context;
  if (context.assignment !== undefined) {
    return;
  }
  const assigned = await inbox.take('assign', signal, ({ nodes }) => nodes[node] !== undefined);
  try {
    await context.endProof();
    context.hostIp = context.isLead
      ? assigned.leadAddress
      : await workerAddress(spec.interface, assigned.leadAddress);
    const assignment = need(assigned.nodes[node], 'an assignment');
    const identity = identityVariables({ jobId: spec.jobId, node, hostIp: context.hostIp, ...assignment });
    record.variables = { ...record.variables, ...identity };
    context.joinVia = assigned.joinVia;
    const names = Object.values(assigned.nodes).map(({ nodeName }) => nodeName);
    context.peers = [assigned.leadAddress, ...spec.nodes, ...names];
    context.assignment = assignment;
  } catch (error) {
    const problem = UnetError.from(error).with({ node, step: 'stage' });
    context.send({ type: 'step', state: 'failed', step: 'stage', ms: 0, error: problem.toRecord() });
    throw problem;
  }
}
