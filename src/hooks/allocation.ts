/** The allocation as a prolog or epilog sees it: the job is named by the environment, but it does not run yet, or no more. */
import { hostname } from 'node:os';
import * as z from 'zod';
import type { Allocation } from '../allocation/allocation.ts';
import { UnetError } from '../errors.ts';
import { type FluxOptions, flux, fluxEnvironment } from '../flux/flux.ts';
import { getattr } from '../flux/instance.ts';
import { decimalJobId } from '../flux/job-id.ts';
import { expandHostlist } from '../hostlist.ts';
import { childEnvironment } from '../process/environment.ts';
import { jobNodes, showHostnames, timeLeft } from '../slurm/scontrol.ts';

export const SCHEDULERS = ['slurm', 'flux'] as const;
export type Scheduler = (typeof SCHEDULERS)[number];

/** An allocation, and this node in it; `rank` is the broker's, in Flux. */
export type HookAllocation = Allocation & { self: string; rank?: string | undefined };

/** @throws UnetError UNET_NO_ALLOCATION when this is no prolog or epilog of that scheduler. */
export function hookJob(scheduler: Scheduler, env: NodeJS.ProcessEnv): { id: string; jobId: string } {
  const name = scheduler === 'slurm' ? 'SLURM_JOB_ID' : 'FLUX_JOB_ID';
  const id = env[name] ?? '';
  const decimal = /^\d+$/.test(id) ? id : scheduler === 'flux' ? decimalJobId(id) : undefined;
  if (decimal === undefined) {
    throw new UnetError(
      'UNET_NO_ALLOCATION',
      `this is no prolog or epilog of ${scheduler}: ${name} is "${id}"`,
      {
        remedy: `"unet hooks install --${scheduler}" writes scripts that the scheduler runs`,
      },
    );
  }
  return { id: decimal, jobId: `${scheduler}-${decimal}` };
}

/** @throws UnetError when the scheduler does not say who the nodes are, or this host is none of them. */
export async function hookAllocation(
  scheduler: Scheduler,
  env: NodeJS.ProcessEnv,
  signal: AbortSignal,
): Promise<HookAllocation> {
  return scheduler === 'slurm' ? await slurm(env, signal) : await fluxJob(env, signal);
}

/**
 * Slurm 22.05 gives a prolog SLURM_NODELIST, without JOB_; seen. Slurmctld is asked only where neither is there, and by the lead
 * alone for the time that is left: "prolog scripts should not call Slurm commands" on every node (Slurm's Prolog and Epilog Guide).
 */
async function slurm(env: NodeJS.ProcessEnv, signal: AbortSignal): Promise<HookAllocation> {
  const { id, jobId } = hookJob('slurm', env);
  const slurmEnv = childEnvironment(env);
  const list = env.SLURM_JOB_NODELIST ?? env.SLURM_NODELIST ?? (await jobNodes(id, slurmEnv, signal));
  const nodes = await showHostnames(list, slurmEnv, signal);
  const host = hostname();
  const self = nodes.find((node) => [env.SLURMD_NODENAME, host, host.split('.')[0]].includes(node));
  if (self === undefined) {
    throw notAmong(host, nodes);
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

/** Of RFC 20: the ranks are in the order of the host names. */
const ResourceSet = z.object({
  execution: z.object({
    R_lite: z.array(z.object({ rank: z.string() })),
    nodelist: z.array(z.string()),
    expiration: z.number().optional(),
  }),
});

async function fluxJob(env: NodeJS.ProcessEnv, signal: AbortSignal): Promise<HookAllocation> {
  const { id, jobId } = hookJob('flux', env);
  const options: FluxOptions = { env: fluxEnvironment(env), signal };
  const [text, rank = ''] = await Promise.all([
    flux(['job', 'info', id, 'R'], options),
    getattr('rank', options),
  ]);
  const { R_lite, nodelist, expiration = 0 } = resourceSet(text);
  const hosts = nodelist.flatMap(expandHostlist);
  const ranks = R_lite.flatMap((entry) => expandHostlist(`[${entry.rank}]`)).toSorted(byNumber);
  const oneEach = new Set(hosts).size === hosts.length;
  const nodes = oneEach ? hosts : hosts.map((host, index) => `${host}-${index}`);
  const self = nodes[ranks.indexOf(rank)];
  if (self === undefined) {
    throw notAmong(`rank ${rank}`, ranks);
  }
  return {
    kind: 'flux',
    jobId,
    schedulerJobId: id,
    nodes,
    self,
    rank,
    endsAt: expiration > 0 ? expiration * 1000 : undefined,
    sharesHosts: !oneEach,
    attached: { via: 'flux-kvs', job: id, uri: env.FLUX_URI },
  };
}

function resourceSet(text: string) {
  try {
    return ResourceSet.parse(JSON.parse(text)).execution;
  } catch (error) {
    throw new UnetError('UNET_ALLOCATION_UNREADABLE', 'flux job info R says nothing that can be read', {
      cause: error,
      remedy: 'try "flux job info ID R" by hand',
    });
  }
}

function byNumber(a: string, b: string): number {
  return Number(a) - Number(b);
}

function notAmong(self: string, nodes: readonly string[]): UnetError {
  return new UnetError(
    'UNET_NO_ALLOCATION',
    `${self} is not a node of the job, which has ${nodes.join(', ')}`,
  );
}
