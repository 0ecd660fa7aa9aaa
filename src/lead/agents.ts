/** Starting agents on nodes, and carrying messages to and from them. */
import type { Allocation } from '../allocation/allocation.ts';
import { type AttachOptions, attachLauncher } from '../attach/launcher.ts';
import { meetingPlace } from '../attach/meeting-point.ts';
import { UnetError } from '../errors.ts';
import { fluxExecLauncher } from '../launch/flux-exec.ts';
import { agentArgv, type LaunchedAgents, type Launcher, type LaunchRequest } from '../launch/launcher.ts';
import { localLauncher } from '../launch/local.ts';
import { refusingLauncher } from '../launch/refusing.ts';
import { srunLauncher } from '../launch/srun.ts';
import { addressOfInterface, ownAddresses } from '../node/address.ts';
import { createAssembler, jsonLine } from '../node/frames.ts';
import { FromAgent } from '../node/from-agent.ts';
import type { ToAgents } from '../node/to-agents.ts';
import { childEnvironment } from '../process/environment.ts';
import type { SupervisorRequest } from './request.ts';

type LeadPlace = Pick<AttachOptions, 'place' | 'addresses'>;

/** Where a supervisor meets the agents that start by themselves; undefined when its allocation has a launcher. */
export function leadPlace({ allocation, settings, jobDir, env }: LeadOptions): LeadPlace | undefined {
  const place = meetingPlace(allocation, jobDir, env);
  return place && { place, addresses: () => leadAddresses(allocation, settings.interface) };
}

type LeadOptions = Pick<SupervisorRequest, 'allocation' | 'settings' | 'jobDir'> & { env: NodeJS.ProcessEnv };

function leadAddresses(allocation: Allocation, wanted: string | undefined): string[] {
  if (allocation.sharesHosts === true) {
    return ['127.0.0.1'];
  }
  if (wanted !== undefined) {
    return [addressOfInterface(wanted)];
  }
  const own = ownAddresses().map(({ address }) => address);
  const reachable = own.filter((address) => !address.startsWith('127.'));
  return reachable.length > 0 ? reachable : own;
}

/** @param lead where the supervisor of an allocation whose agents start by themselves meets them; without, they are not met again. */
export function launcherFor(allocation: Allocation, lead?: LeadPlace): Launcher {
  if (lead !== undefined && allocation.attached !== undefined) {
    return attachLauncher({
      ...lead,
      jobId: allocation.jobId,
      next: launcherFor({ ...allocation, attached: undefined }),
    });
  }
  if (allocation.kind === 'local') {
    return localLauncher;
  }
  if (allocation.flux !== undefined) {
    return fluxExecLauncher({
      uri: allocation.flux.uri,
      ranks: allocation.nodes,
      self: allocation.self,
    });
  }
  if (allocation.kind === 'flux') {
    return refusingLauncher(
      'only the prolog starts agents in this job, which has no Flux instance of its own',
    );
  }
  if (allocation.schedulerJobId === undefined) {
    throw new UnetError('UNET_ALLOCATION_UNREADABLE', 'the allocation has no job id');
  }
  return srunLauncher(allocation.schedulerJobId);
}

export type AgentsOptions = {
  launcher: Launcher;
  nodes: readonly string[];
  jobId: string;
  env: NodeJS.ProcessEnv;
  onMessage: (message: FromAgent) => void;
  onExit: LaunchRequest['onExit'];
  /** The launcher's own lines and what is no message. */
  onDiagnostic: (line: string) => void;
};

export type Agents = Omit<LaunchedAgents, 'send'> & {
  send: (message: ToAgents, to?: readonly string[]) => void;
};

/** Starts an agent of this very unet on each of `nodes`. */
export function startAgents(options: AgentsOptions): Agents {
  const assemble = createAssembler((value) => {
    const message = FromAgent.safeParse(value);
    if (message.success) {
      options.onMessage(message.data);
    } else {
      options.onDiagnostic(`not understood: ${JSON.stringify(value).slice(0, 300)}`);
    }
  }, options.onDiagnostic);
  const launched = options.launcher.start({
    nodes: options.nodes,
    argv: agentArgv(options.jobId),
    env: childEnvironment(options.env),
    onLine: assemble,
    onDiagnostic: options.onDiagnostic,
    onExit: options.onExit,
  });
  return { ...launched, send: (message, to) => void launched.send(jsonLine(message), to) };
}
