/** A job's state and allocation in a Flux that is not there. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { JobState } from '../../src/job/state.ts';
import type { Allocation } from '../../src/scheduler/allocation.ts';
import { scratch } from '../process/scratch.ts';
import { type Answers, ATTRIBUTES, fakeFlux } from './fake-flux.ts';

export const URI = 'local:///inner';
export const PARENT_URI = 'local:///outer';
export const JOB_ID = 'flux-7-0a1b2c3d';

export function fluxJob(answers: Answers = {}, nodes = ['n0', 'n1']) {
  const directory = scratch();
  const env = { PATH: fakeFlux(directory, answers), FLUX_URI: URI, HOME: directory };
  const allocation: Allocation = {
    kind: 'flux',
    jobId: JOB_ID,
    nodes,
    self: 'n0',
    details: {
      uri: URI,
      rank: 0,
      files: 'archive',
      enclosing: { uri: PARENT_URI, jobId: ATTRIBUTES.jobid.replace('ƒ', 'f') },
    },
  };
  return { directory, env, allocation };
}

export function stateOf(directory: string, more: Partial<JobState> = {}): JobState {
  return {
    version: 1,
    unet: '0.1.0',
    jobId: JOB_ID,
    name: 'default',
    epoch: 1,
    allocation: { kind: 'flux' },
    release: 'rehearsal',
    lead: 'n0',
    phase: 'usable',
    since: '2026-11-20T17:11:18Z',
    jobDir: join(directory, 'jobs', JOB_ID),
    supervisor: { host: 'n0', node: 'n0', pid: 7, socket: '/tmp/s', alive: '2026-11-20T17:11:18Z' },
    kubeconfig: join(directory, 'jobs', JOB_ID, 'kubeconfig'),
    apiServer: { address: '10.77.0.10', port: 20013 },
    ports: { etcd: 20010, kubelet: 20011, flannel: 20012, apiServer: 20013 },
    nodes: [
      { name: 'n0', role: 'lead', phase: 'ready', nodeDir: join(directory, 'node') },
      { name: 'n1', role: 'worker', phase: 'ready', nodeDir: join(directory, 'node') },
    ],
    ...more,
  };
}

/** What the memo was set to, one line each. */
export function memos(directory: string): string[] {
  const path = join(directory, 'memos');
  return existsSync(path) ? readFileSync(path, 'utf8').trim().split('\n') : [];
}
