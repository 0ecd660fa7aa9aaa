import { chmod, chown, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { TIME_SCALE } from '../process/scratch.ts';
import { git, repository } from '../provision/releases.ts';
import { installUnet } from './install.ts';
import type { RunningCommand } from './lab/commands.ts';
import { waitFor } from './lab/deadline.ts';
import { describeLab, type Lab, startLab } from './lab/index.ts';
import { shareBySshfs, sshfsUnavailable } from './sshfs.ts';

const SHARED = '/var/tmp/shared';
const PER_HOST = 8;
const reason = sshfsUnavailable();

vi.setConfig({ testTimeout: 180_000 * TIME_SCALE });

if (reason !== undefined && process.env.CI !== 'true') {
  console.warn(`skipped: over sshfs: ${reason}`);
}

describeLab('hosts with one cache over sshfs', () => {
  describe.skipIf(reason !== undefined && process.env.CI !== 'true')('that ask for a release', () => {
    let lab: Lab;
    let unet: string;
    let url: string;
    // Each test has its own: sshfs remembers for 20 s what another host has removed.
    let cache: string;
    let tests = 0;
    const home = (...names: string[]) => join(lab.user.home, ...names);

    beforeAll(async () => {
      lab = await startLab({ hosts: 3, login: true, ssh: true });
      unet = await installUnet(lab);
      await shareBySshfs(lab, 'n0', SHARED);
      url = await sshRepository(lab);
      await mkdir(home('bin'));
    });

    afterAll(async () => {
      await lab?.[Symbol.asyncDispose]();
    });

    beforeEach(async () => {
      tests += 1;
      cache = join(SHARED, `cache-${tests}`);
      await rm(home('git.log'), { force: true });
      await rm(home('gate'), { recursive: true, force: true });
    });

    /** A git that counts fetches, and does `before` first. */
    async function installGit(before = ''): Promise<void> {
      const text = `#!/bin/sh
case " $* " in *" clone "*|*" fetch "*)
  echo "$(hostname) $*" >> ${home('git.log')}
  ${before}
esac
exec /usr/bin/git "$@"
`;
      await writeFile(home('bin/git'), text);
      await chmod(home('bin/git'), 0o755);
      await chmod(home('bin'), 0o755);
      await writeFile(home('git.log'), '');
      await chown(home('git.log'), lab.user.uid, lab.user.gid);
    }

    const environment = () => ({ PATH: `${home('bin')}:${process.env.PATH}`, UNET_CACHE: cache });
    const add = (host: string) =>
      lab.spawn(host, [process.execPath, unet, 'cache', 'add', `${url}#v1`], { env: environment() });
    const fetches = async () =>
      (await readFile(home('git.log'), 'utf8')).split('\n').filter((line) => line !== '');

    async function expectGood(running: readonly RunningCommand[]): Promise<void> {
      const results = await Promise.all(running.map(({ ended }) => ended));
      const failed = results.filter(({ exitCode }) => exitCode !== 0);
      expect(failed.map(({ stderr }) => stderr)).toEqual([]);
      const { exitCode, stdout } = await lab.run('n2', [process.execPath, unet, 'cache', 'verify'], {
        env: environment(),
      });
      expect(stdout).toMatch(/^[0-9a-f]{12} {2}good /);
      expect(exitCode).toBe(0);
    }

    it('at the same time, 32 processes in all, make one clone by ssh, and all get it', async () => {
      await installGit();
      const hosts = [lab.login, ...lab.hosts];
      const running = await Promise.all(
        hosts.flatMap((host) => Array.from({ length: PER_HOST }, () => add(host))),
      );
      await expectGood(running);
      expect(await fetches()).toHaveLength(1);
    });

    it('while another host’s holder is killed in the middle of its clone: they go on, with one more clone', async () => {
      await installGit(
        `if mkdir ${home('gate')} 2>/dev/null; then echo $PPID > ${home('gate/pid')}; exec sleep 600; fi`,
      );
      const holder = await add('n1');
      const pid = await waitFor(
        'the first clone',
        async () => Number(await readFile(home('gate/pid'), 'utf8').catch(() => '')) || undefined,
        { timeoutMs: 30_000 },
      );
      const others = await Promise.all(
        ['n0', 'n2', lab.login].flatMap((host) => Array.from({ length: PER_HOST }, () => add(host))),
      );
      // They have seen that somebody is at it.
      await waitFor(
        'all others to wait',
        async () => others.every((one) => one.errors().includes('n1 is fetching')) || undefined,
        { timeoutMs: 60_000, explain: () => others.map((one) => one.errors()).join('') },
      );
      await lab.kill('n1', pid);
      expect((await holder.ended).signal).toBe('SIGKILL');
      await expectGood(others);
      expect(await fetches()).toHaveLength(2);
    });

    it('that is cached come up on the rehearsal with no git at all', async () => {
      await installGit('exit 99');
      const { stderr, exitCode } = await lab.run(
        'n1',
        [process.execPath, unet, 'cache', 'add', rehearsal(lab)],
        { env: environment() },
      );
      const sha256 = /sha256:[0-9a-f]{12}/.exec(stderr)?.[0] ?? stderr;
      expect(`${exitCode} ${stderr}`).toMatch(/^0 /);
      const script = `#!/bin/bash
export UNET_CACHE=${cache} PATH=${home('bin')}:$PATH
node ${unet} run --release ${sha256} -- kubectl get nodes
`;
      const id = await lab.sbatch(script, { nodes: 3 });
      const { output, exitCode: code } = await lab.waitForJob(id, { timeoutMs: 90_000 });
      expect(output).toMatch(/u7s-n2\s+Ready/);
      expect(code).toBe(0);
      expect(await fetches()).toEqual([]);
    });

    it('for a node-local directory are refused one on sshfs, unless told', async () => {
      const up = (more: string) =>
        `#!/bin/bash\nnode ${unet} run --release rehearsal --node-dir ${SHARED} ${more} -- true; echo "exit $?"\n`;
      const refused = await lab.waitForJob(await lab.sbatch(up(''), { nodes: 2 }));
      expect(refused.output).toMatch(/UNET_DIR_SHARED/);
      expect(refused.output).toMatch(/shared filesystem \(fuse\.sshfs at \/var\/tmp\/shared\)/);
      expect(refused.output).toContain('exit 3');
      const passed = up('').replace(SHARED, `${SHARED}:/tmp`);
      const taken = await lab.waitForJob(await lab.sbatch(passed, { nodes: 2 }));
      expect(taken.output).toContain('exit 0');
    });
  });
});

/** A repository in n0's own /var/tmp, which the others reach by ssh alone. */
async function sshRepository(lab: Lab): Promise<string> {
  const { directory } = await repository(join(lab.root, 'repository'));
  const bundle = join(lab.user.home, 'repository.bundle');
  await git(directory, 'bundle', 'create', '-q', bundle, '--all');
  await chmod(bundle, 0o644);
  const { exitCode, stderr } = await lab.run('n0', [
    'git',
    'clone',
    '-q',
    '--bare',
    bundle,
    '/var/tmp/usernetes.git',
  ]);
  expect(`${exitCode} ${stderr}`).toBe('0 ');
  return `ssh://${lab.user.name}@n0/var/tmp/usernetes.git`;
}

/** The rehearsal release as a directory in the shared home. */
function rehearsal(lab: Lab): string {
  return join(lab.user.home, 'unet/dist/rehearsal');
}
