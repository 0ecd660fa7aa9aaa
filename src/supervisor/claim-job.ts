/** Of several `unet up` at the same moment on several hosts of a job (`srun unet up`) one makes the cluster. */
import { type Claim, claim } from '../cache/claim.ts';
import type { JobPaths } from '../job/layout.ts';
import { supervisorRunsHere } from '../job/supervisor.ts';
import { findState, livesElsewhere } from '../launch/find-state.ts';
import type { SupervisorRequest } from '../protocol/supervisor-request.ts';

/**
 * Claims the job for this host, where the hosts share its directory. The claim is to be given back (`done`) when the state file says
 * who supervises; undefined when it names another supervisor that lives.
 */
export async function claimJob(
  { allocation, env }: Pick<SupervisorRequest, 'allocation'> & { env: NodeJS.ProcessEnv },
  paths: JobPaths,
  signal: AbortSignal,
): Promise<Claim | undefined> {
  const place = { allocation, paths, env };
  const elsewhere = async () => {
    const found = await findState(place);
    // Here: by a command with another TMPDIR, so that its lock is not this one's.
    const lives =
      found !== undefined && (supervisorRunsHere(found.state) || (await livesElsewhere(place, found)));
    return lives ? found : undefined;
  };
  const won = await claim(paths.claims, elsewhere, { signal });
  return 'claim' in won ? won.claim : undefined;
}
