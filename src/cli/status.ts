/** `unet status`: nodes, phases, time left in the allocation. */

import { EXIT } from '../errors.ts';
import { formatDuration } from '../events/format.ts';
import { tableLines } from '../events/table.ts';
import type { JobState } from '../job/state.ts';
import { findCluster, findJob, type Job } from '../session/job.ts';
import { watchState } from '../session/watch-state.ts';
import { VERSION } from '../version.ts';
import type { CommandModule } from './frame/command.ts';

export const status: CommandModule<{ watch?: boolean }> = {
  command: 'status',
  describe: 'nodes, phases, time left in the allocation',
  group: 'use',
  example: [
    ['unet status', 'once, for a person'],
    ['unet status --json | jq -r .phase', 'for a script'],
    ['unet status --watch', 'again at every change'],
  ],
  settings: ['allocation', 'name', 'jobDir'],
  json: true,
  builder: {
    watch: {
      type: 'boolean',
      default: false,
      describe: 'show it again at every change, until the cluster is gone',
    },
  },
  async handler({ args, settings, env, cwd, signal, outputClosed, out, say, json }) {
    const job = await findJob({ settings, env, cwd, unet: VERSION, signal });
    const show = (state: JobState) =>
      (json ? [JSON.stringify(shown(state, job))] : lines(state, job)).forEach(out);
    show((await findCluster(job)).state);
    if (args.watch === true) {
      for await (const state of watchState(job, AbortSignal.any([signal, outputClosed]))) {
        if (!json) {
          out('');
        }
        show(state);
      }
      signal.throwIfAborted();
      if (!json && !outputClosed.aborted) {
        say(`${job.allocation.jobId}: the cluster is gone`);
      }
    }
    return EXIT.done;
  },
};

/** The state as scripts see it: docs/commands.md lists the fields. */
function shown(state: JobState, job: Job) {
  const { jobId, epoch, phase, since, lead, release, apiServer, ports, kubeconfig, nodes } = state;
  const { error, supervisor } = state;
  return {
    jobId,
    epoch,
    phase,
    since,
    lead,
    release,
    apiServer,
    ports,
    kubeconfig,
    secondsLeft: secondsLeft(job),
    supervisor: { host: supervisor.host, pid: supervisor.pid },
    logs: job.paths.logs,
    nodes: nodes.map(({ name, role, phase: nodePhase, nodeName, step, message, ports: nodePorts }) => ({
      name,
      role,
      phase: nodePhase,
      nodeName,
      step,
      message,
      ports: nodePorts,
    })),
    error,
  };
}

function lines(state: JobState, job: Job): string[] {
  const left = secondsLeft(job);
  const time = left === undefined ? 'no time limit' : `${formatDuration(left * 1000)} left in the allocation`;
  const columns = ['node', 'role', 'phase', 'kubernetes', 'now'].map((title) => ({ title }));
  const rows = state.nodes.map(({ name, role, phase, nodeName, step, message }) => [
    name,
    role,
    phase,
    nodeName ?? '',
    message ?? step ?? '',
  ]);
  const trouble = state.error === undefined ? [] : [`${state.error.code}: ${state.error.message}`];
  return [`${state.jobId}: ${state.phase}, ${time}`, ...trouble, ...tableLines(columns, rows)];
}

function secondsLeft({ allocation }: Job): number | undefined {
  return allocation.endsAt === undefined
    ? undefined
    : Math.max(0, Math.round((allocation.endsAt - Date.now()) / 1000));
}
