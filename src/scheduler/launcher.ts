/** A launcher starts one agent per node and carries their standard streams, line by line. */
import type { Environment } from '../process/environment.ts';
import { ownProgram } from '../process/own-program.ts';

export type LaunchRequest = {
  nodes: readonly string[];
  /** The agent's command; the same on every node. */
  argv: readonly string[];
  env: Environment;
  /** A whole line of some agent's stdout. */
  onLine: (line: string) => void;
  /** A line that is not an agent's: the launcher's own diagnostics, an agent's stderr. For the log. */
  onDiagnostic: (line: string) => void;
  /**
   * The launcher saw the agents of `nodes` end; undefined: it cannot tell which. Faster than a missed heartbeat. `fate`: why an agent
   * that cannot be heard any more takes its node away by itself.
   */
  onExit: (nodes: readonly string[] | undefined, reason: string, fate?: AgentFate) => void;
};

/** `allocation`: all of it is ending. `node`: as far as one can see that node is shut down, and no other. */
export type AgentFate = 'allocation' | 'node' | undefined;

export type LaunchedAgents = {
  nodes: readonly string[];
  /**
   * Writes a line to the input of every agent; false when it is closed. Only those on the nodes `to` are meant, if there are
   * any: a launcher that has a stream for each writes to no other.
   */
  send: (line: string, to?: readonly string[]) => boolean;
  /** Closes the agents' input, which asks them to tear down and end. */
  endInput: () => void;
  /** Resolves when the launcher itself has ended; never rejects. */
  ended: Promise<{ reason: string }>;
  /** Ends the launcher: SIGTERM, then SIGKILL after `graceMs`. */
  terminate: (graceMs: number) => Promise<void>;
};

export type Launcher = {
  /** What a user can do when an agent could not be started. */
  remedy: string;
  start: (request: LaunchRequest) => LaunchedAgents;
};

/** Whether a line that was sent `to` is for the agent on `node`. */
export function isAddressed(node: string | undefined, to: readonly string[] | undefined): boolean {
  return to === undefined || (node !== undefined && to.includes(node));
}

/** How an agent of `jobId` is started, without what a launcher adds: this very unet. */
export function agentArgv(jobId: string): string[] {
  return [...ownProgram(), 'node', 'agent', '--job', jobId];
}

/** As a launcher adds it that starts each agent by itself. */
export function withNode(argv: readonly string[], node: string): string[] {
  return [...argv, '--node', node];
}
