/** Flux's prolog and epilog: flux-config-job-manager(5), flux-run-prolog. */
import { join } from 'node:path';
import * as z from 'zod';
import { UnetError } from '../errors.ts';
import { expandHostlist } from '../hostlist.ts';
import {
  HOOKS,
  type HookAllocation,
  type HookJob,
  notAmong,
  type SchedulerHooks,
} from '../scheduler/hooks.ts';
import { type FluxOptions, flux, fluxEnvironment } from './flux.ts';
import { fluxHookBody } from './hook-scripts.ts';
import { getattr } from './instance.ts';
import { decimalJobId } from './job-id.ts';
import { fluxKvsPlace } from './meeting-place.ts';

const OPT_IN = 'usernetes';
const YES: readonly unknown[] = [true, 1, 'true', 'yes', '1', 'on'];
const NO: readonly unknown[] = [false, 0, null, '', 'false', 'no', '0', 'off'];

export const fluxHooks: SchedulerHooks = {
  directory: '/etc/flux/system',
  // Flux runs all files of a directory.
  path: (hook, directory) => join(directory, `${hook}.d`, 'unet'),
  kinds: HOOKS,
  program: { name: 'flux', inScript: 'flux' },
  body: fluxHookBody,
  configuration: () => [],
  afterInstall:
    'Flux runs them where [job-manager] loads perilog.so with per-rank = true, or has housekeeping; see docs/hooks.md',
  variable: 'FLUX_JOB_ID',
  decimalId: (id) => (/^\d+$/.test(id) ? id : decimalJobId(id)),
  allocation,
  asked,
  // In a step FLUX_JOB_ID; in the script of a batch job, an instance of its own, the id in the instance around it.
  idsInJob: (env) => [env.FLUX_JOB_ID, env.FLUX_ENCLOSING_ID].filter((id) => id !== undefined),
  defaultNameOnly: true,
  keepsAllocation: true,
  rank: (env) => getattr('rank', { env: fluxEnvironment(env) }).catch(() => undefined),
  oneNodePerHost: false,
  meetingPlace: ({ jobId, attached }, env) => {
    const { job, uri } = Attached.parse(attached);
    return fluxKvsPlace({ job, uri, jobId, env });
  },
};

const Attached = z.object({ via: z.literal('flux-kvs'), job: z.string(), uri: z.string().optional() });

/** Of RFC 20: the ranks are in the order of the host names. */
const ResourceSet = z.object({
  execution: z.object({
    R_lite: z.array(z.object({ rank: z.string() })),
    nodelist: z.array(z.string()),
    expiration: z.number().optional(),
  }),
});

async function allocation(
  env: NodeJS.ProcessEnv,
  { id, jobId }: HookJob,
  signal: AbortSignal,
): Promise<HookAllocation> {
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
    attached: { via: 'flux-kvs', job: id, uri: env.FLUX_URI } satisfies z.infer<typeof Attached>,
  };
}

function resourceSet(text: string) {
  try {
    return ResourceSet.parse(JSON.parse(text)).execution;
  } catch (error) {
    throw new UnetError(
      'UNET_ALLOCATION_UNREADABLE',
      'the output of "flux job info R" is not a resource set',
      {
        cause: error,
        remedy: 'try "flux job info ID R" by hand',
      },
    );
  }
}

function byNumber(a: string, b: string): number {
  return Number(a) - Number(b);
}

/** Reads `attributes.user.usernetes` of a jobspec (RFC 14): `yes`, `true`, `1`, or an object of settings. */
function asked(jobspec: string): [string, string][] | undefined {
  const attribute = attributeOf(jobspec);
  if (attribute === undefined || NO.includes(attribute)) {
    return undefined;
  }
  if (YES.includes(attribute)) {
    return [];
  }
  if (typeof attribute !== 'object' || Array.isArray(attribute)) {
    throw new UnetError(
      'UNET_USAGE',
      `attributes.user.${OPT_IN} of the jobspec is ${JSON.stringify(attribute)}: neither yes nor settings`,
      { remedy: `write --setattr=user.${OPT_IN}=yes, or --setattr=user.${OPT_IN}.nodes=4` },
    );
  }
  return Object.entries(attribute as object).map(([name, value]) => [name, String(value)]);
}

function attributeOf(text: string): unknown {
  try {
    const jobspec: { attributes?: { user?: Record<string, unknown> } } = JSON.parse(text);
    return jobspec.attributes?.user?.[OPT_IN];
  } catch {
    throw new UnetError('UNET_USAGE', 'the jobspec is not JSON');
  }
}
