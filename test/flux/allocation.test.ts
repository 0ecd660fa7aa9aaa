import { describe, expect, it } from 'vitest';
import { type DetectOptions, detectAllocation } from '../../src/scheduler/detect.ts';
import { program, scratch } from '../process/scratch.ts';
import { fakeSlurm, recordedEnvironment } from '../slurm/fake-slurm.ts';
import { type Answers, fakeFlux } from './fake-flux.ts';

const URI = 'local:///tmp/flux-XXXXXX/local-0';

function detect(env: NodeJS.ProcessEnv, more: Partial<DetectOptions> = {}) {
  return detectAllocation({ kind: 'auto', name: 'default', env, ...more });
}

function inFlux(answers: Answers = {}, more: NodeJS.ProcessEnv = {}) {
  return { FLUX_URI: URI, PATH: fakeFlux(scratch(), answers), ...more };
}

describe('an allocation of Flux', () => {
  it('in a batch script has its ranks, this one, its job, and an end', async () => {
    const before = Date.now();
    const allocation = await detect(inFlux({ attributes: { hostlist: 'n[0-2]', rank: '1' } }));
    expect(allocation).toMatchObject({
      kind: 'flux',
      jobId: expect.stringMatching(/^flux-\d+-[0-9a-f]{8}$/),
      schedulerJobId: 'fFRA1wV',
      nodes: ['n0', 'n1', 'n2'],
      self: 'n1',
      sharesHosts: false,
      details: { uri: URI, files: 'archive' },
    });
    expect((allocation.endsAt ?? 0) - before).toBeGreaterThanOrEqual(599_000);
  });

  it('with several brokers on a host tells them apart by rank', async () => {
    expect(await detect(inFlux())).toMatchObject({
      nodes: ['vm-0', 'vm-1'],
      self: 'vm-0',
      sharesHosts: true,
    });
  });

  it('that is no job has an id of its own, the same in all of its processes', async () => {
    const ids = await Promise.all(
      ['0', '1'].map(
        async (rank) => (await detect(inFlux({ attributes: { jobid: undefined, rank } }))).jobId,
      ),
    );
    expect(ids[0]).toMatch(/^flux-[0-9a-f]{8}$/);
    expect(ids[1]).toBe(ids[0]);
  });

  it('has a cluster of its own for each name, which fits into the names of things', async () => {
    const ids = await Promise.all(
      ['default', 'blue', 'abcdefghij-123456789'].map(
        async (name) => (await detect(inFlux(), { name })).jobId,
      ),
    );
    expect(ids).toEqual([
      expect.stringMatching(/^flux-\d+-[0-9a-f]{8}$/),
      expect.stringMatching(/^flux-[0-9a-f]{8}-blue$/),
      expect.stringMatching(/^[a-z0-9-]{1,40}$/),
    ]);
  });

  it('knows the job that it is, and where that is listed', async () => {
    const env = inFlux({ attributes: { 'parent-uri': 'local:///run/flux/local' } });
    expect((await detect(env)).details).toMatchObject({
      rank: 0,
      enclosing: { uri: 'local:///run/flux/local', jobId: 'fFRA1wV' },
    });
    expect((await detect(inFlux())).details?.enclosing).toBeUndefined();
  });

  it('without a time limit has no end', async () => {
    expect((await detect(inFlux({ timeLeft: '4294967295' }))).endsAt).toBeUndefined();
  });

  it('can be used in part, from rank 0 on', async () => {
    const env = inFlux({ attributes: { hostlist: 'n[0-3]' } });
    expect((await detect(env, { nodes: 2 })).nodes).toEqual(['n0', 'n1']);
  });

  it('in a job of Slurm (srun flux start) is the nearer one, and ends with the job', async () => {
    const directory = scratch();
    fakeSlurm(directory);
    const PATH = fakeFlux(directory, { attributes: { jobid: undefined }, timeLeft: '4294967295' });
    const env = { ...recordedEnvironment('sbatch-env.txt'), FLUX_URI: URI, PATH };
    const allocation = await detect(env);
    expect(allocation.kind).toBe('flux');
    expect(allocation.endsAt).toBeGreaterThan(Date.now() + 500_000);
    expect((await detect(env, { kind: 'slurm' })).kind).toBe('slurm');
  });

  it('seen through flux proxy does not contain this machine', async () => {
    expect((await detect(inFlux({}, { FLUX_PROXY_REMOTE: 'vm' }))).self).toBeUndefined();
  });

  it('of somebody else is refused, with what is for its owner only and what to do instead', async () => {
    await expect(detect(inFlux({ attributes: { 'security.owner': '12345' } }))).rejects.toMatchObject({
      code: 'UNET_FLUX_GUEST',
      exitCode: 3,
      message: expect.stringMatching(/user 12345.*flux exec and flux archive/),
      details: { remedy: expect.stringContaining('flux alloc') },
    });
  });

  it('whose broker is gone is said to be, also inside a job of Slurm', async () => {
    const before = 'echo "flux: flux_open: No such file or directory" >&2; exit 1';
    const env = { ...recordedEnvironment('sbatch-env.txt'), ...inFlux({ before }) };
    await expect(detect(env)).rejects.toMatchObject({
      code: 'UNET_ALLOCATION_UNREADABLE',
      message: expect.stringContaining(URI),
    });
  });

  it('without flux on PATH says what is missing', async () => {
    const directory = scratch();
    program(directory, 'true', '#!/bin/sh\n');
    await expect(detect({ FLUX_URI: URI, PATH: directory })).rejects.toMatchObject({
      code: 'UNET_TOOL_MISSING',
      message: 'flux was not found on PATH',
    });
  });

  it('that is asked for must be there', async () => {
    await expect(detect({}, { kind: 'flux' })).rejects.toMatchObject({
      code: 'UNET_NO_ALLOCATION',
      message: expect.stringContaining('FLUX_URI'),
      exitCode: 2,
    });
  });

  it('of an old Flux has flux filemap, or nothing, to give files to all', async () => {
    expect((await detect(inFlux({ attributes: { version: '0.55.0' } }))).details?.files).toBe('filemap');
    expect((await detect(inFlux({ attributes: { version: '0.47.0' } }))).details?.files).toBeUndefined();
  });

  it('that is too old is refused before anything is asked that it does not know', async () => {
    const before = '[ "$1 $2" = "job timeleft" ] && { echo "flux-job: Unknown command" >&2; exit 1; }';
    await expect(detect(inFlux({ attributes: { version: '0.46.1' }, before }))).rejects.toMatchObject({
      code: 'UNET_FLUX_TOO_OLD',
      exitCode: 3,
      message: 'unet needs Flux 0.47.0 or later, and this one is 0.46.1',
      details: { remedy: 'load a newer Flux' },
    });
  });
});
