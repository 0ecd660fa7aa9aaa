/**
 * A scheduler of its own in one file: its agents are real ones, as children of this process, its record is a variable. What src/slurm,
 * src/flux and src/local implement, this implements, and a whole cluster comes up, loses a node and goes with it.
 */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { JobState } from '../../src/job/state.ts';
import { type LinesChild, startLines } from '../../src/process/start.ts';
import type { Allocation } from '../../src/scheduler/allocation.ts';
import { isAddressed, type Launcher, withNode } from '../../src/scheduler/launcher.ts';
import { withoutScheduler } from '../../src/scheduler/none.ts';
import type { Scheduler, SchedulerJob } from '../../src/scheduler/scheduler.ts';

const UNET = fileURLToPath(new URL('../../bin/unet.js', import.meta.url));

/** What the fake has been asked to do. */
export type FakeJob = SchedulerJob & {
  /** Of the agents that it has started, by node; the last one of each. */
  agents: Map<string, LinesChild>;
  /** The states in its record, oldest first. */
  published: JobState[];
  /** The allocation ends, as its nodes see it. */
  endAllocation: () => void;
};

export const fake: Omit<Scheduler, 'open'> & {
  open: (allocation: Allocation, env: NodeJS.ProcessEnv) => FakeJob;
} = {
  howToGetOne: 'a test',
  variable: 'FAKE_JOB',
  describe: async ({ env, clusterName, nodes = 2 }) => ({
    kind: 'fake',
    jobId: `fake-${clusterName}`,
    schedulerJobId: env.FAKE_JOB,
    nodes: Array.from({ length: nodes }, (_, index) => `n${index}`),
    self: 'n0',
    sharesHosts: true,
  }),
  open: (_allocation, env) => {
    const agents: FakeJob['agents'] = new Map();
    const published: JobState[] = [];
    let ended = false;
    return {
      ...withoutScheduler(env),
      onOneHost: true,
      launcher: launcher(agents),
      command: (_node, argv) => [...argv],
      record: {
        publish: (_name, read) => ({
          update: () => void published.push(read()),
          end: async () => void published.splice(0),
        }),
        find: async () => published.at(-1),
      },
      watchEnd: async () => () => ended,
      agents,
      published,
      endAllocation: () => {
        ended = true;
      },
    };
  },
};

/** Each agent is told its node and ends with its input; that of one node is no other's affair. */
function launcher(agents: FakeJob['agents']): Launcher {
  return {
    remedy: 'this is a test',
    start: ({ nodes, argv: [node = '', , ...args], env, onLine, onDiagnostic, onExit }) => {
      const children = nodes.map((name) => {
        const child = startLines(withNode([node, UNET, ...args], name), {
          env,
          onLine,
          onErrorLine: onDiagnostic,
        });
        agents.set(name, child);
        void child.ended.then(({ reason }) => onExit([name], reason));
        return { name, child };
      });
      return {
        nodes,
        send: (line, to) =>
          children
            .filter(({ name }) => isAddressed(name, to))
            .map(({ child }) => child.send(line))
            .some((sent) => sent),
        endInput: () => children.forEach(({ child }) => void child.endInput()),
        ended: Promise.all(children.map(({ child }) => child.ended)).then(() => ({ reason: 'ended' })),
        terminate: async (graceMs) => {
          await Promise.all(children.map(({ child }) => child.terminate(graceMs)));
        },
      };
    },
  };
}

export const REHEARSAL = join(UNET, '../../dist/rehearsal');
