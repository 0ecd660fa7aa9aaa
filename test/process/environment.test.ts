import { dirname } from 'node:path';
import { describe, expect, it } from 'vitest';
import { childEnvironment } from '../../src/process/environment.ts';

describe('the environment of a child', () => {
  it('has what is on the list and nothing of an outer step, a module or somebody else', () => {
    const source = {
      PATH: '/usr/bin',
      HOME: '/home/u',
      LC_ALL: 'C',
      XDG_RUNTIME_DIR: '/run/user/1',
      UNET_REHEARSAL: 'join:fail=1',
      http_proxy: 'http://p',
      SLURM_CONF: '/etc/slurm.conf',
      SLURM_JOB_ID: '1',
      SLURM_NTASKS: '8',
      SLURM_CPU_BIND: 'cores',
      FLUX_URI: 'local:///x',
      AWS_SECRET_ACCESS_KEY: 's',
      NODE_OPTIONS: '--inspect',
      LD_PRELOAD: '/tmp/x.so',
      MAKEFLAGS: '-n',
      BASH_ENV: '/tmp/x',
      PYTHONPATH: '/x',
    };
    const { PATH, ...rest } = childEnvironment(source);
    expect(rest).toEqual({
      HOME: '/home/u',
      LC_ALL: 'C',
      XDG_RUNTIME_DIR: '/run/user/1',
      UNET_REHEARSAL: 'join:fail=1',
      http_proxy: 'http://p',
      SLURM_CONF: '/etc/slurm.conf',
    });
    expect(PATH).toMatch(/^\/usr\/bin/);
  });

  it('finds this Node at the end of PATH, once', () => {
    const own = dirname(process.execPath);
    expect(childEnvironment({ PATH: '/a:/b' }).PATH).toBe(`/a:/b:${own}`);
    expect(childEnvironment({ PATH: `${own}:/b` }).PATH).toBe(`${own}:/b`);
    expect(childEnvironment({}).PATH).toContain('/usr/bin');
  });

  it('takes additions, and leaves out what is set to nothing', () => {
    expect(
      childEnvironment({ PATH: '/a', UNET_CONFIG: 'x' }, { UNET_CONFIG: undefined, NODE_NAME: 'u7s-n0' }),
    ).toMatchObject({ NODE_NAME: 'u7s-n0' });
    expect(childEnvironment({ UNET_CONFIG: 'x' }, { UNET_CONFIG: undefined })).not.toHaveProperty(
      'UNET_CONFIG',
    );
  });
});
