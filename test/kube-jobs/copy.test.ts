/** The copy of a job's list in Flux's KVS, with a flux that notes what it is asked. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { copyToFlux, removeFluxCopy } from '../../src/kube-jobs/flux/copy.ts';
import type { JobRecord } from '../../src/kube-jobs/jobs/record.ts';
import { program, scratch } from '../process/scratch.ts';

const RECORD: JobRecord = {
  id: 'web-x7k2p',
  template: 'web',
  digest: '',
  phase: 'created',
  created: '2026-01-01T00:00:00Z',
  namespace: 'default',
  list: {
    apiVersion: 'v1',
    kind: 'List',
    items: [
      { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'web' }, stringData: { password: 'hidden' } },
      { apiVersion: 'v1', kind: 'Service', metadata: { name: 'web' } },
    ],
  },
};

/** `said`: what it complains of on stderr; then it fails. */
function noting(said = '') {
  const directory = scratch();
  const end = said === '' ? '' : `echo '${said}' >&2; exit 1`;
  program(
    directory,
    'flux',
    `#!/bin/sh\necho "$@" >> ${directory}/calls\ncat >> ${directory}/input\n${end}\n`,
  );
  const text = (name: string) =>
    existsSync(join(directory, name)) ? readFileSync(join(directory, name), 'utf8') : '';
  return {
    env: { PATH: `${directory}:${process.env.PATH}`, FLUX_URI: 'local:///somewhere' },
    calls: () => text('calls'),
    input: () => text('input'),
  };
}

describe('the copy in Flux', () => {
  const signal = new AbortController().signal;
  const said: string[] = [];
  const say = (line: string) => said.push(line);

  test('goes into the namespace of the job, without the data of Secrets', async () => {
    const { env, calls, input } = noting();
    await copyToFlux(RECORD, { ...env, FLUX_JOB_ID: 'f72t5WP1' }, { say, signal });
    expect(calls()).toBe('kvs put --namespace=job-229646532608 --raw unet-kube=-\n');
    expect(JSON.parse(input()).items).toHaveLength(2);
    expect(input()).not.toContain('hidden');
    await removeFluxCopy({ ...RECORD, job: 'flux f72t5WP1' }, env);
    expect(calls().split('\n')).toHaveLength(2);
  });

  test('goes beside the jobs of an instance, and away again', async () => {
    const { env, calls } = noting();
    await copyToFlux(RECORD, env, { say, signal });
    await removeFluxCopy(RECORD, env);
    expect(calls()).toBe('kvs put --raw unet-kube.web-x7k2p=-\nkvs unlink unet-kube.web-x7k2p\n');
  });

  test('is not made outside of Flux, and harms nothing where Flux refuses it', async () => {
    const { env, calls } = noting('flux-kvs: unet-kube: No space left on device');
    await copyToFlux(RECORD, { PATH: env.PATH }, { say, signal });
    expect(calls()).toBe('');
    await copyToFlux(RECORD, env, { say, signal });
    expect(said.join()).toContain('is not in Flux');
    expect(said.join()).toContain('No space left on device');
    said.length = 0;
    const guest = noting('flux-kvs: unet-kube: Operation not permitted');
    await copyToFlux(RECORD, guest.env, { say, signal });
    expect(said).toEqual([]);
  });
});
