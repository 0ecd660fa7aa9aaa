import { describe, expect, it } from 'vitest';
import { FluxDetails } from '../../src/flux/details.ts';
import { enclosingCluster } from '../../src/flux/enclosing-cluster.ts';
import { fluxEnvironment } from '../../src/flux/flux.ts';
import { putValue } from '../../src/flux/kvs.ts';
import type { JobState } from '../../src/job/state.ts';
import { fluxJob, PARENT_URI, stateOf } from './flux-job.ts';

const TOP_URI = 'local:///top';

async function nested(where: string, state: Partial<JobState>, before = '') {
  const job = fluxJob({
    before: `[ "$* $FLUX_URI" = "getattr parent-uri ${PARENT_URI}" ] && { echo ${TOP_URI}; exit; }\n${before}`,
  });
  const record = stateOf('/x', state);
  const env = { ...fluxEnvironment(job.env, where), PATH: job.env.PATH };
  await putValue(`unet.${record.jobId}`, JSON.stringify(record), { env });
  return await enclosingCluster(FluxDetails.parse(job.allocation.details), job.env);
}

describe('a cluster of an enclosing instance', () => {
  it('is found, with how to use it from any node', async () => {
    expect(await nested(PARENT_URI, {})).toEqual({
      sentence: 'a cluster is in the enclosing Flux instance, flux-7-0a1b2c3d (usable, lead n0)',
      use: 'eval "$(FLUX_URI=$(flux getattr parent-uri) unet env)"',
    });
  });

  it('is found further out, and by its name', async () => {
    expect((await nested(TOP_URI, { name: 'blue', phase: 'degraded' }))?.use).toBe(
      `eval "$(FLUX_URI=${TOP_URI} unet env --name blue)"`,
    );
  });

  it.each(['failed', 'stopping', 'stopped'])('that is %s is none to be used', async (phase) => {
    expect(await nested(PARENT_URI, { phase })).toBeUndefined();
  });

  it('of somebody else cannot be seen', async () => {
    const before = '[ "$*" = "getattr security.owner" ] && { echo 12345; exit; }';
    expect(await nested(PARENT_URI, {}, before)).toBeUndefined();
  });

  it('that does not answer is not waited for, and no reason to fail', async () => {
    const before = `[ "$FLUX_URI" = ${PARENT_URI} ] && { [ "$1" = kvs ] || { echo "flux: flux_open: Connection refused" >&2; exit 1; }; }`;
    expect(await nested(PARENT_URI, {}, before)).toBeUndefined();
  });
});
