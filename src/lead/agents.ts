/** Starting agents on nodes, and carrying messages to and from them. */
import type { Allocation } from '../allocation/allocation.ts';
import { UnetError } from '../errors.ts';
import { fluxExecLauncher } from '../launch/flux-exec.ts';
import type { LaunchedAgents, Launcher, LaunchRequest } from '../launch/launcher.ts';
import { localLauncher } from '../launch/local.ts';
import { srunLauncher } from '../launch/srun.ts';
import { createAssembler, jsonLine } from '../node/frames.ts';
import { FromAgent, type ToAgents } from '../node/protocol.ts';
import { childEnvironment } from '../process/environment.ts';

export function launcherFor(allocation: Allocation): Launcher {
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

export type Agents = Omit<LaunchedAgents, 'send'> & { send: (message: ToAgents) => void };

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
    argv: [process.execPath, process.argv[1] ?? 'unet', 'node', 'agent', '--job', options.jobId],
    env: childEnvironment(options.env),
    onLine: assemble,
    onDiagnostic: options.onDiagnostic,
    onExit: options.onExit,
  });
  return { ...launched, send: (message) => void launched.send(jsonLine(message)) };
}
