/** The srun command line of the agents' step, and what srun says about its tasks. */
import { expandHostlist } from '../hostlist.ts';
import type { SlurmJob } from './details.ts';

/**
 * One task per node that leaves room for the user's own steps (`--overlap`), sees all CPUs and memory of the job
 * on its node (`--cpu-bind=none --mem=0`), and goes on when a task or a node dies (`--kill-on-bad-exit=0
 * --wait=0 --no-kill`). See srun(1).
 */
export function srunArgv(job: SlurmJob, nodes: readonly string[], command: readonly string[]): string[] {
  return [
    'srun',
    ...jobFlags(job),
    `--nodes=${nodes.length}`,
    `--ntasks=${nodes.length}`,
    '--ntasks-per-node=1',
    `--nodelist=${nodes.join(',')}`,
    '--job-name=unet',
    '--overlap',
    '--cpu-bind=none',
    '--mem=0',
    '--kill-on-bad-exit=0',
    '--wait=0',
    '--no-kill',
    // A site's MpiDefault would set up what the agents do not use.
    '--mpi=none',
    '--',
    ...command,
  ];
}

/** A command on one node, beside everything that runs there; with `terminal` in a pseudo terminal. */
export function srunCommandArgv(
  job: SlurmJob,
  node: string,
  command: readonly string[],
  { terminal = false }: { terminal?: boolean } = {},
): string[] {
  return [
    'srun',
    ...jobFlags(job),
    '--nodes=1',
    '--ntasks=1',
    `--nodelist=${node}`,
    '--job-name=unet',
    '--overlap',
    '--cpu-bind=none',
    '--mem=0',
    '--mpi=none',
    // Without a terminal the one task gets the input, and its lines are not mixed with others.
    ...(terminal ? ['--pty'] : ['--input=0']),
    '--',
    ...command,
  ];
}

/** Without --het-group srun starts nothing in a heterogeneous job, and with several of them it counts the nodes of each. */
function jobFlags({ id, group }: SlurmJob): string[] {
  return [`--jobid=${id}`, ...(group === undefined ? [] : [`--het-group=${group}`])];
}

export type TaskEnd = { nodes: string[]; reason: string };

/**
 * Reads "srun: error: n1: task 1: Killed" and "srun: error: n[1-2]: tasks 1-2: Exited with exit code 3" (seen with
 * Slurm 22.05). The host list may be in brackets, so the names are matched against `known`.
 */
export function parseTaskEnd(line: string, known: readonly string[]): TaskEnd | undefined {
  const match = /^srun: error: ([^\s:]+): tasks? [\d,-]+: (.+)$/.exec(line.trim());
  if (match === null) {
    return undefined;
  }
  const [, list = '', reason = ''] = match;
  const named = expandHostlist(list);
  const nodes = known.filter((node) => named.includes(node));
  return nodes.length > 0 ? { nodes, reason: reason.toLowerCase() } : undefined;
}

/** Reads "srun: error: Task launch for StepId=1.0 failed on node n2: Communication connection failure". */
export function parseLaunchFailure(line: string, known: readonly string[]): TaskEnd | undefined {
  const match = /^srun: error: Task launch for StepId=\S+ failed on node (\S+): (.+)$/.exec(line.trim());
  if (match === null) {
    return undefined;
  }
  const [, node = '', reason = ''] = match;
  return known.includes(node) ? { nodes: [node], reason: reason.toLowerCase() } : undefined;
}
