/** Where what stays has to be, when a command is typed on a login node, through a proxy, or on another rank. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { childEnvironment } from '../../src/process/environment.ts';
import { run } from '../../src/process/run.ts';
import { detectAllocation } from '../../src/scheduler/detect.ts';
import { openAllocation } from '../../src/scheduler/registry.ts';
import { scratch } from '../process/scratch.ts';
import { fakeFlux } from './fake-flux.ts';

const PROXY = 'local:///tmp/flux-proxy-XXXXXX/local';

type Asked = {
  uri: string;
  socket: 'here' | 'elsewhere' | 'of another rank';
  rank?: string;
  version?: string;
};

/** A Flux whose broker listens on a socket that is on this host, is not, or is another broker's of the same name. */
async function seen({ uri, socket, rank = '0', version = '0.88.0' }: Asked) {
  const directory = scratch();
  const path = join(directory, 'local-0');
  if (socket !== 'elsewhere') {
    writeFileSync(path, '');
  }
  const before =
    socket === 'of another rank'
      ? `[ "$* $FLUX_URI" = "getattr rank local://${path}" ] && { echo 5; exit; }`
      : '';
  const attributes = { hostlist: 'n[0-2]', rank, version, 'local-uri': `local://${path}` };
  const env = {
    FLUX_URI: uri === 'own' ? `local://${path}` : uri,
    PATH: fakeFlux(directory, { attributes, before }),
  };
  const allocation = await detectAllocation({ kind: 'auto', name: 'default', env });
  return { allocation, env, socket: `local://${path}`, job: openAllocation(allocation, env), directory };
}

describe('this host', () => {
  it('is the rank’s whose broker has its own socket here, also through a proxy, which what stays does not need', async () => {
    for (const uri of ['own', PROXY, 'ssh://n0/tmp/flux-XXXXXX/local-0']) {
      const { allocation, socket, job } = await seen({ uri, socket: 'here' });
      expect(allocation).toMatchObject({ self: 'n0', details: { uri: socket, rank: 0 } });
      expect(job.onLead).toBeUndefined();
    }
  });

  it('is no node where that broker is on another host, though its socket has the name of one here', async () => {
    for (const socket of ['elsewhere', 'of another rank'] as const) {
      for (const uri of [PROXY, 'ssh://n0/run/flux/local']) {
        const { allocation, job } = await seen({ uri, socket });
        expect(allocation.self).toBeUndefined();
        expect(allocation.details).toMatchObject({ uri });
        expect(job.onLead?.outside).toBe(true);
      }
    }
  });

  it('that is a node but not the lead starts what stays on the lead', async () => {
    const { job } = await seen({ uri: 'own', socket: 'here', rank: '1' });
    expect(job.onLead).toMatchObject({ outside: false });
  });
});

describe('a command on the lead', () => {
  it('runs on rank 0 in the same directory, without what is true of this host only', async () => {
    const { job, env, directory, allocation } = await seen({ uri: PROXY, socket: 'elsewhere' });
    const { onLead } = job;
    const own = {
      ...env,
      MINE: '1',
      FLUX_PROXY_REMOTE: 'n0',
      FLUX_JOB_ID: 'f1',
      FLUX_SSH: 'ssh -4',
      XDG_RUNTIME_DIR: '/run/user/1',
    };
    const environment = onLead?.environment(own) ?? {};
    expect(environment).toMatchObject({ MINE: '1', FLUX_SSH: 'ssh -4', FLUX_URI: PROXY });
    expect(Object.keys(environment).filter((name) => /FLUX_PROXY|FLUX_JOB|XDG/.test(name))).toEqual([]);
    const how = { cwd: directory, terminal: false, input: true };
    // The fake runs it here, and drops its standard output.
    const argv = onLead?.command(['sh', '-c', 'echo "$PWD $FAKE_RANK $LD_PRELOAD." >&2'], how) ?? [];
    const { stderr } = await run(argv, { env: childEnvironment(env), timeoutMs: 10_000 });
    expect(allocation.nodes[0]).toBe('n0');
    expect(stderr.trim()).toBe(`${directory} 0 .`);
  });

  it('is refused in one line by a Flux whose rank 0 takes none', async () => {
    const { job } = await seen({ uri: 'own', socket: 'here', rank: '1', version: '0.55.0' });
    expect(job.onLead?.refusal).toMatchObject({
      code: 'UNET_FLUX_TOO_OLD',
      message: 'a command on n0 from another host needs Flux 0.59.0 or later, and this one is 0.55.0',
      details: { remedy: 'load a newer Flux, or type it on n0, rank 0' },
    });
    expect(job.command('n0', ['true'])).toBeUndefined();
    expect(job.command('n2', ['true'])).toBeDefined();
    const onRank0 = await seen({ uri: 'own', socket: 'here', version: '0.55.0' });
    expect(onRank0.job.command('n0', ['true'])).toBeDefined();
  });
});
