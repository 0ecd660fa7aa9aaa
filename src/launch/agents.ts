/** Starting agents on nodes, and carrying messages to and from them. */

import { type AttachOptions, attachLauncher } from '../attach/launcher.ts';
import { meetingPlace } from '../attach/meeting-place.ts';
import { childEnvironment } from '../process/environment.ts';
import { createAssembler, jsonLine } from '../protocol/frames.ts';
import { FromAgent } from '../protocol/from-agent.ts';
import type { SupervisorRequest } from '../protocol/supervisor-request.ts';
import type { ToAgents } from '../protocol/to-agents.ts';
import type { Allocation } from '../scheduler/allocation.ts';
import { agentArgv, type LaunchedAgents, type Launcher, type LaunchRequest } from '../scheduler/launcher.ts';
import type { SchedulerJob } from '../scheduler/scheduler.ts';
import { addressOfInterface, ownAddresses } from './address.ts';

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
export function launcherFor(
  allocation: Allocation,
  { launcher }: Pick<SchedulerJob, 'launcher'>,
  lead?: LeadPlace,
): Launcher {
  return lead === undefined ? launcher : attachLauncher({ ...lead, jobId: allocation.jobId, next: launcher });
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
