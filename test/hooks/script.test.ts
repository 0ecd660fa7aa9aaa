import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { HOOK_SCHEDULERS, type HookScheduler } from '../../src/hooks/schedulers.ts';
import { hookScript, readMark, readSetting, type ScriptOptions } from '../../src/hooks/script.ts';
import { run } from '../../src/process/run.ts';
import { HOOKS, type HookName } from '../../src/scheduler/hooks.ts';
import { program, scratch } from '../process/scratch.ts';

const { uid, username } = userInfo();
const NOBODY = 65_534;

/** A hook whose unet is a shell script that writes down how it was called. */
class Hook {
  readonly directory = scratch();
  readonly script: string;

  constructor(scheduler: HookScheduler, when: HookName, { unet = '', ...more }: Partial<ScriptOptions> = {}) {
    chmodSync(this.directory, 0o755);
    mkdirSync(join(this.directory, 'said'));
    chmodSync(join(this.directory, 'said'), 0o777);
    const recorder = program(
      this.directory,
      'unet',
      `cd "$(pwd)"; { echo "args $*"; pwd; id -u; id -G; umask; } > ${this.directory}/said/call
env > ${this.directory}/said/env
cat > ${this.directory}/said/stdin
${unet}
`,
    );
    program(
      this.directory,
      'flux',
      `#!/bin/sh
echo "$*" >> ${this.directory}/flux-calls
case "$*" in
"job info ƒHQo3vP jobspec") cat ${this.directory}/jobspec;;
"job id --to=dec ƒHQo3vP") echo 10770972672;;
"job id --to=kvs ƒHQo3vP") echo job.0000.0002.8200.0000;;
"kvs unlink -R -f job.0000.0002.8200.0000.guest.unet") ;;
*) exit 1;;
esac
`,
    );
    const text = hookScript({
      scheduler,
      when,
      version: '1.2.3',
      node: '/bin/sh',
      unet: recorder,
      path: '/usr/bin:/bin',
      program: join(this.directory, 'flux'),
      deadline: 30,
      failJob: false,
      askSlurmctld: false,
      ...more,
    });
    this.script = program(this.directory, 'hook', text);
  }

  async run(env: Record<string, string>) {
    const { exitCode, stdout, stderr } = await run([this.script], { env, cwd: '/', timeoutMs: 20_000 });
    return { exitCode, stdout, stderr };
  }

  /** Of the call of unet; undefined when it was not called. */
  said(name: 'call' | 'env' | 'stdin'): string | undefined {
    const path = join(this.directory, 'said', name);
    return existsSync(path) ? readFileSync(path, 'utf8') : undefined;
  }

  jobspec(user: object): void {
    writeFileSync(join(this.directory, 'jobspec'), JSON.stringify({ attributes: { user } }));
  }
}

/** What slurmd of Slurm 22.05 gives a prolog; seen. It has no PATH. */
const SLURM = {
  SLURMD_NODENAME: 'n0',
  SLURM_CLUSTER_NAME: 'lab',
  SLURM_CONF: '/etc/slurm/slurm.conf',
  SLURM_JOBID: '1',
  SLURM_JOB_GID: String(uid),
  SLURM_JOB_ID: '1',
  SLURM_JOB_UID: String(uid),
  SLURM_JOB_USER: username,
  SLURM_JOB_WORK_DIR: '/usr',
  SLURM_NODELIST: 'n[0-1]',
  SLURM_SCRIPT_CONTEXT: 'prolog_slurmd',
  SLURM_UID: String(uid),
};
const ASKS = { ...SLURM, SLURM_JOB_COMMENT: 'usernetes nodes=2' };

/** What flux-run-prolog gives its scripts. */
const FLUX = {
  PATH: '/usr/sbin:/usr/bin:/sbin:/bin',
  FLUX_JOB_ID: 'ƒHQo3vP',
  FLUX_JOB_USERID: String(uid),
  FLUX_URI: 'local:///run/flux/local',
};

const QUIET = { exitCode: 0, stdout: '', stderr: '' };

describe('a hook', () => {
  it.each(HOOK_SCHEDULERS.flatMap((scheduler) => HOOKS.map((when) => [scheduler, when] as const)))(
    'for the %s %s is a shell script that says what it is',
    async (scheduler, when) => {
      const hook = new Hook(scheduler, when);
      const checked = await run(['/bin/sh', '-n', hook.script], { env: {}, timeoutMs: 5000 });
      expect(checked).toMatchObject({ exitCode: 0, stderr: '' });
      const text = readFileSync(hook.script, 'utf8');
      expect(readMark(text)).toEqual({ scheduler, when, version: '1.2.3', edited: false });
      expect(readMark(`${text}\n`)).toMatchObject({ edited: true });
      expect(readSetting(text, 'unet')).toBe(join(hook.directory, 'unet'));
    },
  );

  it('of another kind is none of ours', () => {
    expect(readMark('#!/bin/sh\nexit 0\n')).toBeUndefined();
  });

  it('keeps what is quoted in it', () => {
    const text = hookScript({
      scheduler: 'slurm',
      when: 'prolog',
      version: '1',
      node: "/it's/node",
      unet: '/a $(b)/unet',
      program: '/bin/scontrol',
      path: '/bin',
      deadline: 1,
      failJob: false,
      askSlurmctld: false,
    });
    expect(readSetting(text, 'node')).toBe("/it's/node");
    expect(readSetting(text, 'unet')).toBe('/a $(b)/unet');
  });
});

describe('the prolog for Slurm', () => {
  it.each([
    ['nothing', {}],
    ['another comment', { SLURM_JOB_COMMENT: 'please hurry' }],
    ['another feature', { SLURM_JOB_CONSTRAINTS: 'gpu&fast' }],
  ])('is silent for a job that asks for %s', async (_, more) => {
    const hook = new Hook('slurm', 'prolog');
    expect(await hook.run({ ...SLURM, ...more })).toEqual(QUIET);
    expect(hook.said('call')).toBeUndefined();
  });

  it('runs unet in a clean environment, in the directory of the job', async () => {
    const hook = new Hook('slurm', 'prolog');
    expect(await hook.run({ ...ASKS, LD_PRELOAD: '', BASH_ENV: '/nowhere', UNET_NODES: '9' })).toEqual(QUIET);
    const [args, cwd] = hook.said('call')?.split('\n') ?? [];
    expect(args).toBe('args node up --scheduler slurm');
    expect(cwd).toBe('/usr');
    expect(hook.said('stdin')).toBe('usernetes nodes=2');
    const names = hook.said('env')?.match(/^\w+(?==)/gm) ?? [];
    expect(names.filter((name) => !['PWD', 'OLDPWD', '_', 'SHLVL'].includes(name)).sort()).toEqual([
      'HOME',
      'LANG',
      'LOGNAME',
      'PATH',
      'SHELL',
      'SLURMD_NODENAME',
      'SLURM_CONF',
      'SLURM_JOB_ID',
      'SLURM_NODELIST',
      'USER',
    ]);
    expect(hook.said('env')).toContain('PATH=/usr/bin:/bin\n');
  });

  it('hands on the features that the job asks for', async () => {
    const hook = new Hook('slurm', 'prolog');
    expect(await hook.run({ ...SLURM, SLURM_JOB_CONSTRAINTS: 'gpu&usernetes' })).toEqual(QUIET);
    expect(hook.said('env')).toContain('SLURM_JOB_CONSTRAINTS=gpu&usernetes\n');
  });

  it.each([
    ['fails', 'exit 3', 'exit code 3'],
    ['does not end', 'sleep 60', 'exit code 124'],
  ])('does not fail the job when unet %s, and says so', async (_, unet, why) => {
    const hook = new Hook('slurm', 'prolog', { unet, deadline: 1 });
    const { exitCode, stderr } = await hook.run(ASKS);
    expect(stderr).toContain(`unet slurm prolog: job 1 gets no cluster (${why})`);
    expect(exitCode).toBe(0);
  });

  it('does not fail the job when Node is gone', async () => {
    const hook = new Hook('slurm', 'prolog', { node: '/nowhere/node' });
    const { exitCode, stderr } = await hook.run(ASKS);
    expect(stderr).toContain('job 1 gets no cluster (exit code 127)');
    expect(exitCode).toBe(0);
  });

  it('fails the job when it was installed to', async () => {
    const hook = new Hook('slurm', 'prolog', { unet: 'exit 3', failJob: true });
    expect(await hook.run(ASKS)).toMatchObject({ exitCode: 1 });
    expect(await hook.run(SLURM)).toEqual(QUIET);
  });

  it('does not fail the job of a user who is unknown here', async () => {
    const hook = new Hook('slurm', 'prolog');
    const { exitCode, stderr } = await hook.run({ ...ASKS, SLURM_JOB_UID: '3999999999' });
    expect(stderr).toContain('there is no user 3999999999 here');
    expect(exitCode).toBe(0);
    expect(hook.said('call')).toBeUndefined();
  });

  it('asks slurmctld for the comment where it was installed to', async () => {
    const hook = new Hook('slurm', 'prolog', { askSlurmctld: true, path: '' });
    const again = new Hook('slurm', 'prolog', {
      askSlurmctld: true,
      path: `${hook.directory}:/usr/bin:/bin`,
    });
    program(
      hook.directory,
      'scontrol',
      '#!/bin/sh\n[ "$*" = "show job -o 1" ] && echo "JobId=1 WorkDir=/x Comment=usernetes nodes=2 x=y  StdErr=/x StdOut=/x"\n',
    );
    expect(await again.run(SLURM)).toEqual(QUIET);
    expect(again.said('stdin')).toBe('usernetes nodes=2 x=y ');
  });

  it.skipIf(uid !== 0)('is no longer root when unet runs, nor in a group of root', async () => {
    const hook = new Hook('slurm', 'prolog');
    expect(await hook.run({ ...ASKS, SLURM_JOB_UID: String(NOBODY) })).toEqual(QUIET);
    const [, , id, groups, umask] = hook.said('call')?.split('\n') ?? [];
    expect({ id, groups, umask }).toEqual({ id: String(NOBODY), groups: String(NOBODY), umask: '0077' });
    expect(hook.said('env')).toContain('USER=nobody\n');
  });
});

describe('the epilog for Slurm', () => {
  it('is silent where nothing of the job is', async () => {
    const hook = new Hook('slurm', 'epilog');
    expect(await hook.run({ ...ASKS, SLURM_JOB_ID: '987654321' })).toEqual(QUIET);
    expect(hook.said('call')).toBeUndefined();
  });
});

describe('the prolog for Flux', () => {
  it('is silent for a job that does not ask', async () => {
    const hook = new Hook('flux', 'prolog');
    hook.jobspec({ other: 'yes' });
    expect(await hook.run(FLUX)).toEqual(QUIET);
    expect(hook.said('call')).toBeUndefined();
  });

  it('hands the jobspec on to unet', async () => {
    const hook = new Hook('flux', 'prolog');
    hook.jobspec({ usernetes: { nodes: 2 } });
    expect(await hook.run(FLUX)).toEqual(QUIET);
    expect(hook.said('call')).toMatch(/^args node up --scheduler flux\n/);
    expect(hook.said('stdin')).toBe('{"attributes":{"user":{"usernetes":{"nodes":2}}}}');
    expect(hook.said('env')).toMatch(/^FLUX_JOB_ID=ƒHQo3vP$/m);
    expect(hook.said('env')).toMatch(/^FLUX_URI=local:\/\/\/run\/flux\/local$/m);
  });

  it('does not fail the job when Flux does not answer, and says so, also where it was installed to fail jobs', async () => {
    for (const failJob of [false, true]) {
      const hook = new Hook('flux', 'prolog', { failJob });
      const { exitCode, stderr } = await hook.run(FLUX);
      expect(stderr).toContain('unet flux prolog: no jobspec of ƒHQo3vP');
      expect(exitCode).toBe(0);
    }
  });

  it.skipIf(uid !== 0)(
    'has the jobspec read by the job’s user, since Flux may not show it to root',
    async () => {
      const hook = new Hook('flux', 'prolog');
      hook.jobspec({ usernetes: 'yes' });
      const flux = join(hook.directory, 'flux');
      const text = readFileSync(flux, 'utf8');
      const refusal =
        'case "$*" in "job info"*) [ "$(id -u)" != 0 ] || { echo "Operation not permitted" >&2; exit 1; };; esac';
      writeFileSync(flux, text.replace('\n', `\n${refusal}\n`));
      writeFileSync(join(hook.directory, 'flux-calls'), '', { mode: 0o666 });
      chmodSync(join(hook.directory, 'flux-calls'), 0o666);
      expect(await hook.run({ ...FLUX, FLUX_JOB_USERID: String(NOBODY) })).toEqual(QUIET);
      expect(hook.said('call')).toMatch(/^args node up --scheduler flux\n/);
    },
  );

  it('is silent where there is no job', async () => {
    const hook = new Hook('flux', 'epilog');
    expect(await hook.run({ PATH: FLUX.PATH })).toEqual(QUIET);
  });
});
