import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { attr } from '../../src/cli/attr.ts';
import { assign } from '../../src/cli/env.ts';
import { jobPaths } from '../../src/job/layout.ts';
import {
  ATTRIBUTES,
  attribute,
  clusterVariables,
  commandVariables,
} from '../../src/session/cluster-variables.ts';

const AWKWARD = `/home/o'brien/it's $HOME \`date\` "x" !y \\z`;

const STATE = {
  version: 1,
  unet: '0.1.0',
  jobId: 'slurm-42',
  epoch: 1,
  allocation: { kind: 'slurm' },
  release: 'rehearsal',
  lead: 'n0',
  phase: 'usable',
  since: '2026-11-20T17:11:18Z',
  supervisor: { host: 'n0', pid: 7, socket: '/tmp/s', alive: '2026-11-20T17:11:18Z' },
  kubeconfig: '/jobs/slurm-42/kubeconfig',
  apiServer: { address: '10.77.0.10', port: 6443 },
  nodes: [
    { name: 'n0', role: 'lead', phase: 'ready' },
    { name: 'n1', role: 'worker', phase: 'ready' },
    { name: 'n2', role: 'worker', phase: 'lost' },
  ],
};
const PATHS = jobPaths('/jobs/slurm-42');

describe('unet env', () => {
  it('sets a value with quotes, dollars and backquotes unharmed in sh', () => {
    const script = `${assign('sh', 'VALUE', AWKWARD)}\nprintf %s "$VALUE"`;
    expect(execFileSync('sh', ['-c', script], { encoding: 'utf8' })).toBe(AWKWARD);
  });

  it('writes what csh and fish understand', () => {
    expect(assign('csh', 'KUBECONFIG', "/o'b!")).toBe(`setenv KUBECONFIG '/o'\\''b\\!';`);
    expect(assign('fish', 'KUBECONFIG', "/o'b\\c")).toBe(`set -gx KUBECONFIG '/o\\'b\\\\c';`);
  });

  it('refuses a value with a line break', () => {
    expect(() => assign('sh', 'VALUE', 'a\nb')).toThrow('line break');
  });

  it('names the Ready nodes only, and an API server that every node reaches', () => {
    expect(clusterVariables(STATE, PATHS)).toEqual({
      KUBECONFIG: '/jobs/slurm-42/kubeconfig',
      UNET_JOB_ID: 'slurm-42',
      UNET_JOB_DIRECTORY: '/jobs/slurm-42',
      UNET_JOB_LEAD: 'n0',
      UNET_JOB_NODES: 'n0 n1',
      UNET_JOB_API_SERVER: 'https://10.77.0.10:6443',
    });
  });

  it('keeps a proxy of the site away from the cluster, beside what the site excepts', () => {
    const worker = { name: 'n1', role: 'worker', phase: 'ready', address: '10.77.0.11', nodeName: 'u7s-n1' };
    const state = { ...STATE, nodes: [...STATE.nodes, worker] };
    const env = { https_proxy: 'http://proxy.site:3128', NO_PROXY: '.site, 10.1.0.0/16' };
    const { no_proxy: hosts = '', NO_PROXY } = commandVariables(state, PATHS, env);
    expect(NO_PROXY).toBe(hosts);
    expect(hosts.split(',')).toEqual(
      expect.arrayContaining([
        '.site',
        '10.1.0.0/16',
        '10.77.0.10',
        'n1',
        'u7s-n1',
        '10.77.0.11',
        '10.96.0.0/16',
        '.svc',
      ]),
    );
    expect(commandVariables(state, PATHS, { NO_PROXY: 'x' })).not.toHaveProperty('NO_PROXY');
  });

  it('says so when there is no kubeconfig yet', () => {
    const { kubeconfig: _, ...early } = { ...STATE, phase: 'bringing-up' };
    expect(() => clusterVariables(early, PATHS)).toThrow('still bringing-up');
  });
});

describe('unet attr', () => {
  it('gives one value', () => {
    expect(attribute('api-server', STATE, PATHS)).toBe('https://10.77.0.10:6443');
    expect(attribute('nodes', STATE, PATHS)).toBe('n0 n1');
    expect(attribute('supervisor', STATE, PATHS)).toBe('n0 7');
    const ports = { etcd: 20010, kubelet: 20011, flannel: 20012, apiServer: 20013 };
    expect(attribute('ports', { ...STATE, ports }, PATHS)).toBe(
      'etcd=20010 kubelet=20011 flannel=20012 api-server=20013',
    );
    expect(() => attribute('ports', STATE, PATHS)).toThrow(/has no ports yet/);
  });

  it('says so when there is no such value yet', () => {
    const { apiServer: _, ...early } = { ...STATE, phase: 'bringing-up' };
    expect(() => attribute('api-server', early, PATHS)).toThrow(
      'still bringing-up: it has no api-server yet',
    );
  });

  it('offers the names to the shell, so that a wrong one is refused with what was meant', () => {
    expect(attr.positionals?.attribute?.choices).toEqual(ATTRIBUTES);
  });
});
