/** Slurm's prolog and epilog: slurm.conf(5), Slurm's Prolog and Epilog Guide. */
import { hostname } from 'node:os';
import { join } from 'node:path';
import { childEnvironment } from '../process/environment.ts';
import { type HookAllocation, type HookJob, notAmong, type SchedulerHooks } from '../scheduler/hooks.ts';
import { selfAmong } from './allocation.ts';
import { slurmHookBody } from './hook-scripts.ts';
import { jobNodes, showHostnames, timeLeft } from './scontrol.ts';

const OPT_IN = 'usernetes';

export const slurmHooks: SchedulerHooks = {
  directory: '/etc/slurm',
  path: (hook, directory) => join(directory, `unet-${hook}`),
  kinds: ['prolog', 'epilog'],
  program: { name: 'scontrol' },
  body: slurmHookBody,
  // PrologFlags=Alloc: otherwise a node's prolog runs when a step first starts there, which may be never.
  configuration: (written) => [
    ...written.map(({ hook, path }) => `${hook === 'prolog' ? 'Prolog' : 'Epilog'}=${path}`),
    'PrologFlags=Alloc',
  ],
  afterInstall: 'slurm.conf needs these lines on every node; then "scontrol reconfigure":',
  afterUninstall:
    'take the lines Prolog= and Epilog= out of slurm.conf now: Slurm drains nodes whose prolog is not there',
  variable: 'SLURM_JOB_ID',
  decimalId: (id) => (/^\d+$/.test(id) ? id : undefined),
  allocation,
  asked,
  idsInJob: () => [],
  defaultNameOnly: false,
  keepsAllocation: false,
  oneNodePerHost: true,
};

/**
 * Slurm 22.05 gives a prolog SLURM_NODELIST, without JOB_; seen. Slurmctld is asked only where neither is there, and by the lead
 * alone for the time that is left: "prolog scripts should not call Slurm commands" on every node (Slurm's Prolog and Epilog Guide).
 */
async function allocation(
  env: NodeJS.ProcessEnv,
  { id, jobId }: HookJob,
  signal: AbortSignal,
): Promise<HookAllocation> {
  const slurmEnv = childEnvironment(env);
  const list = env.SLURM_JOB_NODELIST ?? env.SLURM_NODELIST ?? (await jobNodes(id, slurmEnv, signal));
  const nodes = await showHostnames(list, slurmEnv, signal);
  const self = selfAmong(nodes, env);
  if (self === undefined) {
    throw notAmong(env.SLURMD_NODENAME ?? hostname(), nodes);
  }
  const leftMs = self === nodes[0] ? await timeLeft(id, slurmEnv, signal).catch(() => undefined) : undefined;
  return {
    kind: 'slurm',
    jobId,
    schedulerJobId: id,
    nodes,
    self,
    endsAt: leftMs === undefined ? undefined : Date.now() + leftMs,
    attached: { via: 'shared-fs' },
  };
}

/** Reads the job's comment, `usernetes` or `usernetes nodes=4 release=…` (with spaces or commas), and its constraints. */
function asked(comment: string, env: NodeJS.ProcessEnv): [string, string][] | undefined {
  const [first, ...rest] = comment.split(/[\s,:]+/).filter((word) => word !== '');
  if (first === OPT_IN) {
    return rest.map((word) => {
      const at = word.indexOf('=');
      return at < 0 ? [word, ''] : [word.slice(0, at), word.slice(at + 1)];
    });
  }
  // "gpu&usernetes", "[usernetes*2]": names and operators, see sbatch(1), "--constraint".
  return (env.SLURM_JOB_CONSTRAINTS ?? '').split(/[^\w.-]+/).includes(OPT_IN) ? [] : undefined;
}
