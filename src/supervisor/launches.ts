/** All launches of a job's agents: the first, and those for nodes that are tried again. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Agents, startAgents } from '../launch/agents.ts';
import type { FromAgent } from '../protocol/from-agent.ts';
import type { JobSpec, ToAgents } from '../protocol/to-agents.ts';
import type { AgentFate, Launcher } from '../scheduler/launcher.ts';

// srun ends some milliseconds after its last task.
const LAUNCHER_END_MS = 1000;
const TERMINATE_MS = 2000;
const DIAGNOSTIC_LINES = 40;

export type LaunchesOptions = {
  launcher: Launcher;
  jobId: string;
  env: NodeJS.ProcessEnv;
  onMessage: (message: FromAgent) => void;
  /** The launcher saw the agents of `nodes` end; a bye of theirs may still be in the pipe. */
  onExit: (nodes: readonly string[], reason: string, fate: AgentFate) => void;
  /** A line for the supervisor's log. */
  note: (line: string) => void;
};

export type Launches = {
  start: (nodes: readonly string[], spec: JobSpec) => void;
  /** To every agent, or to those on the nodes `to`, who alone are meant. */
  send: (message: ToAgents, to?: readonly string[]) => void;
  /** The launcher's last lines. */
  diagnostics: () => readonly string[];
  /** Lets the launchers end, and sees to it that they do. @param waitForThem a node that has died keeps srun from ending. */
  end: (waitForThem: boolean) => Promise<void>;
};

export function createLaunches(options: LaunchesOptions): Launches {
  const launches: Agents[] = [];
  const diagnostics: string[] = [];
  return {
    start: (nodes, spec) => {
      const agents = startAgents({
        ...options,
        nodes,
        onDiagnostic: (line) => {
          options.note(line);
          diagnostics.push(line);
          diagnostics.splice(0, diagnostics.length - DIAGNOSTIC_LINES);
        },
        onExit: (ended = nodes, reason, fate) => options.onExit(ended, reason, fate),
      });
      launches.push(agents);
      agents.send(spec);
    },
    send: (message, to) => {
      for (const launch of launches) {
        launch.send(message, to);
      }
    },
    diagnostics: () => diagnostics,
    end: async (waitForThem) => {
      for (const launch of launches) {
        launch.endInput();
      }
      // srun is not signalled while an agent may live: SIGTERM to it is SIGKILL to its tasks, with nothing before. And it
      // never ends by itself when a node has died. Both seen with Slurm 22.05.
      if (waitForThem) {
        const over = new AbortController();
        const patience = sleep(LAUNCHER_END_MS, undefined, { signal: over.signal }).catch(() => {});
        await Promise.race([Promise.all(launches.map((launch) => launch.ended)), patience]);
        over.abort();
      }
      await Promise.all(launches.map((launch) => launch.terminate(TERMINATE_MS)));
    },
  };
}
