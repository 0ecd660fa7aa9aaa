/** Agents as one Slurm step. srun gives each its input, line by line, and merges their lines. */
import { type LinesChild, startLines } from '../process/start.ts';
import { tryByHand } from '../scheduler/launch-failure.ts';
import type { LaunchedAgents, Launcher, LaunchRequest } from '../scheduler/launcher.ts';
import { nodesByComponent, type SlurmJob } from './details.ts';
import { parseLaunchFailure, parseTaskEnd, srunArgv } from './srun.ts';

/**
 * One srun for all nodes, or for those of each component of a heterogeneous job. When one of them cannot be reached, srun aborts the whole step before any task has run
 * (seen with Slurm 22.05, with --no-kill too): it is then started again without that node.
 */
export function srunLauncher(schedulerJobId: string, components?: readonly (readonly string[])[]): Launcher {
  return {
    remedy: tryByHand('srun --overlap hostname'),
    start: (request) =>
      together(
        request.nodes,
        nodesByComponent(schedulerJobId, components, request.nodes).map(({ job, nodes }) =>
          startStep(job, { ...request, nodes }),
        ),
      ),
  };
}

/** Several steps as one. An agent passes over what is for another one, so each of them gets all. */
function together(nodes: readonly string[], steps: readonly LaunchedAgents[]): LaunchedAgents {
  return {
    nodes,
    send: (line) => steps.map((step) => step.send(line)).some((sent) => sent),
    endInput: () => steps.forEach((step) => void step.endInput()),
    terminate: async (graceMs) => {
      await Promise.all(steps.map((step) => step.terminate(graceMs)));
    },
    ended: Promise.all(steps.map((step) => step.ended)).then((ends) => ({
      reason: ends.map(({ reason }) => reason).join(', '),
    })),
  };
}

function startStep(job: SlurmJob, request: LaunchRequest): LaunchedAgents {
  const step: Step = { job, request, sent: [], spoken: false, closed: false };
  const ended = runStep(step, request.nodes);
  return {
    nodes: request.nodes,
    send: (line) => {
      if (!step.spoken) {
        step.sent.push(line);
      }
      return step.child?.send(line) ?? false;
    },
    endInput: () => {
      step.closed = true;
      step.child?.endInput();
    },
    terminate: async (graceMs) => {
      step.closed = true;
      await step.child?.terminate(graceMs);
    },
    ended,
  };
}

type Step = {
  job: SlurmJob;
  request: LaunchRequest;
  child?: LinesChild;
  /** What was sent before anybody spoke: a second srun's tasks have not had it. */
  sent: string[];
  spoken: boolean;
  closed: boolean;
};

async function runStep(step: Step, nodes: readonly string[]): Promise<{ reason: string }> {
  const { request } = step;
  const unreachable = new Map<string, string>();
  const child = startLines(srunArgv(step.job, nodes, request.argv), {
    env: request.env,
    onLine: (line) => {
      step.spoken = true;
      step.sent = [];
      request.onLine(line);
    },
    onErrorLine: (line) => {
      request.onDiagnostic(line);
      const failure = parseLaunchFailure(line, nodes);
      for (const node of failure?.nodes ?? []) {
        unreachable.set(node, failure?.reason ?? '');
      }
      const end = unreachable.size === 0 ? parseTaskEnd(line, nodes) : undefined;
      if (end !== undefined) {
        request.onExit(end.nodes, end.reason);
      }
    },
  });
  step.child = child;
  for (const line of step.sent) {
    child.send(line);
  }
  const end = await child.ended;
  for (const [node, reason] of unreachable) {
    request.onExit([node], `srun could not start it there: ${reason}`);
  }
  const rest = nodes.filter((node) => !unreachable.has(node));
  if (unreachable.size > 0 && rest.length > 0 && !step.spoken && !step.closed) {
    return await runStep(step, rest);
  }
  request.onExit(rest, `srun ${end.reason}`);
  return end;
}
