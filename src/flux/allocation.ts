/** The Flux instance that FLUX_URI names: a batch script, a shell of flux alloc, `flux start`, also under srun. */
import { createHash } from 'node:crypto';
import { UnetError } from '../errors.ts';
import { expandHostlist } from '../hostlist.ts';
import { ownUid } from '../process/user.ts';
import type { Allocation } from '../scheduler/allocation.ts';
import { timeLeft as slurmTimeLeft } from '../slurm/scontrol.ts';
import type { FluxDetails } from './details.ts';
import { type FluxOptions, fluxEnvironment } from './flux.ts';
import { birth, fileDistribution, getattr, timeLeft } from './instance.ts';
import { decimalJobId } from './job-id.ts';
import { ownSocket } from './own-socket.ts';
import { isOlder, OLDEST, tooOld } from './too-old.ts';

/**
 * All ranks of the instance, in their order; rank 0 leads.
 *
 * @param name of the cluster: one instance can have several.
 * @throws UnetError UNET_NO_ALLOCATION without FLUX_URI, UNET_FLUX_GUEST in somebody else's instance, UNET_TOOL_MISSING
 *   without flux, UNET_FLUX_TOO_OLD, UNET_ALLOCATION_UNREADABLE when the broker does not answer.
 */
export async function fluxAllocation(
  env: NodeJS.ProcessEnv,
  name: string,
  signal?: AbortSignal,
): Promise<Allocation> {
  const uri = env.FLUX_URI;
  if (uri === undefined) {
    throw new UnetError('UNET_NO_ALLOCATION', 'this is not inside a Flux instance: FLUX_URI is not set', {
      remedy: 'run it in a "flux batch" script, or in a shell of "flux alloc" or "flux start"',
    });
  }
  const options: FluxOptions = { env: fluxEnvironment(env), signal };
  const [owner, version = ''] = await Promise.all(
    ['security.owner', 'version'].map((name) => getattr(name, options)),
  );
  refuseGuest(owner);
  if (isOlder(version, OLDEST)) {
    throw tooOld(version, OLDEST, 'unet', undefined);
  }
  const [rank = '', hostlist = '', f58, parentUri, born, leftMs] = await Promise.all([
    getattr('rank', options),
    getattr('hostlist', options),
    getattr('jobid', options),
    getattr('parent-uri', options),
    birth(options),
    timeLeft(options),
  ]);
  // The attribute keeps its "ƒ", whatever FLUX_F58_FORCE_ASCII says.
  const schedulerJobId = f58?.replace('ƒ', 'f');
  const hosts = expandHostlist(hostlist);
  if (hosts.length === 0) {
    throw new UnetError(
      'UNET_ALLOCATION_UNREADABLE',
      `flux getattr hostlist gave no host names: "${hostlist}"`,
    );
  }
  const oneEach = new Set(hosts).size === hosts.length;
  const nodes = oneEach ? hosts : hosts.map((host, index) => `${host}-${index}`);
  const socket = await ownSocket(uri, { rank, born }, env, options);
  const own = socket === undefined ? undefined : Number(rank);
  const endMs = leftMs ?? (await enclosingTimeLeft(env, signal));
  return {
    kind: 'flux',
    jobId: jobIdOf(schedulerJobId, born, name),
    schedulerJobId,
    nodes,
    self: own === undefined ? undefined : nodes[own],
    endsAt: endMs === undefined ? undefined : Date.now() + endMs,
    sharesHosts: !oneEach,
    details: {
      // A proxy's ends with its command, and what stays has to reach the broker after that.
      uri: socket ?? uri,
      rank: own,
      version,
      files: fileDistribution(version),
      enclosing:
        parentUri === undefined || schedulerJobId === undefined
          ? undefined
          : { uri: parentUri, jobId: schedulerJobId },
    } satisfies FluxDetails,
  };
}

/**
 * The job's id in decimal, if the instance is a job, and what tells it from the jobs of that number in other instances. A
 * cluster with a name has that instead of the number, for which there would be no room.
 */
function jobIdOf(f58: string | undefined, born: string, name: string): string {
  const digest = createHash('sha256').update(born).digest('hex').slice(0, 8);
  if (name !== 'default') {
    return `flux-${digest}-${name}`;
  }
  const decimal = f58 === undefined ? undefined : decimalJobId(f58);
  return decimal === undefined ? `flux-${digest}` : `flux-${decimal}-${digest}`;
}

function refuseGuest(owner: string | undefined): void {
  const uid = ownUid();
  if (owner !== undefined && Number(owner) !== uid) {
    throw new UnetError(
      'UNET_FLUX_GUEST',
      `this Flux instance belongs to user ${owner}, and you are ${uid}: only its owner may use flux exec and flux archive`,
      {
        fatal: true,
        remedy: 'get an instance of your own in it: "flux batch script.sh" or "flux alloc -N 4"',
      },
    );
  }
}

/** Under `srun flux start` the instance knows no limit, but the job of Slurm has one. */
async function enclosingTimeLeft(env: NodeJS.ProcessEnv, signal?: AbortSignal): Promise<number | undefined> {
  const slurmJob = env.SLURM_JOB_ID;
  if (slurmJob === undefined || !/^\d+$/.test(slurmJob)) {
    return undefined;
  }
  return await slurmTimeLeft(slurmJob, fluxEnvironment(env), signal).catch(() => undefined);
}
