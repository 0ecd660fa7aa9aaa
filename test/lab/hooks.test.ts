import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { TIME_SCALE } from '../process/scratch.ts';
import { installUnet } from './install.ts';
import { waitFor } from './lab/deadline.ts';
import { describeLab, type Lab, startLab } from './lab/index.ts';
import { expectNothingLeft } from './nothing-left.ts';

let UNET = '';
const JOB_TIMEOUT = { timeoutMs: 90_000 };
const ASKS = '--comment=usernetes release=rehearsal';

vi.setConfig({ testTimeout: 150_000 * TIME_SCALE });

/** A batch script that brings nothing up by itself, but for `unet up`, which would use the rehearsal release too. */
function script(text: string): string {
  return `#!/bin/bash\nunet() { node ${UNET} "$@"; }\nexport UNET_RELEASE=rehearsal\n${text}\n`;
}

describeLab('in a Slurm with the hooks of unet', () => {
  let lab: Lab;

  beforeAll(async () => {
    lab = await startLab({
      hosts: 3,
      login: true,
      config: ['Prolog=/etc/slurm/unet-prolog', 'Epilog=/etc/slurm/unet-epilog', 'PrologFlags=Alloc'],
    });
    UNET = await installUnet(lab, lab.root);
    const { stdout, stderr } = await asRoot(['node', UNET, 'hooks', 'install', '--slurm']);
    expect(stdout, stderr).toBe(
      'Prolog=/etc/slurm/unet-prolog\nEpilog=/etc/slurm/unet-epilog\nPrologFlags=Alloc\n',
    );
  });

  afterAll(async () => {
    await lab?.[Symbol.asyncDispose]();
  });

  afterEach(async ({ task }) => {
    if (task.result?.state === 'fail') {
      const { stdout } = await lab.run(
        lab.login,
        ['sh', '-c', 'tail -n 80 ~/slurm-*.out; squeue; sinfo -N'],
        {
          cwd: lab.user.home,
        },
      );
      const logs = await asRoot(['sh', '-c', `tail -n 30 ${lab.root}/log/slurmd-*.log`]);
      console.log(stdout, logs.stdout);
    }
    await lab.run(lab.login, ['sh', '-c', 'scancel -u $USER; rm -rf slurm-*.out ~/.local']);
  });

  const asRoot = (argv: string[]) => lab.run('n0', argv, { user: 'root', cwd: '/' });

  const job = (text: string, { nodes = 3, args = [ASKS] }: { nodes?: number; args?: string[] } = {}) =>
    lab.sbatch(script(text), { nodes, args });

  async function expectAllNodesIdle(): Promise<void> {
    const { stdout } = await lab.run(lab.login, ['sinfo', '--noheader', '--Node', '--format=%N %T']);
    expect(stdout.trim().split('\n').sort()).toEqual(['n0 idle', 'n1 idle', 'n2 idle']);
  }

  function residents(host: string): string[] {
    return lab
      .processes(host)
      .map(({ command }) => command)
      .filter((command) => /node (agent|supervisor)/.test(command));
  }

  describe('a job that asks by its comment', () => {
    it('gets a cluster from the prolog; up follows it, env and kubectl find it, and the epilog leaves nothing', async () => {
      const id = await job(`set -e
        unet up
        eval "$(unet env)"
        kubectl get nodes
        unet status
        unet attr supervisor
        srun --overlap -N1 -n1 -w n2 bash -c 'node ${UNET} attr nodes'`);
      const { output, exitCode } = await lab.waitForJob(id, JOB_TIMEOUT);
      expect(output).toContain('the cluster is usable');
      expect(output).toMatch(/u7s-n2\s+Ready/);
      expect(output).toMatch(/^n0 n1 n2$/m);
      expect(output).toContain(`slurm-${id}: usable`);
      expect(output).not.toMatch(/UNET_/);
      expect(exitCode).toBe(0);
      await expectNothingLeft(lab);
      await expectAllNodesIdle();
    });

    it('has it without a word in its script, run by its user outside of the steps', async () => {
      const id = await job('until [ -e go ]; do sleep 0.1; done');
      await lab.waitForJobStart(id);
      const usable = async () => {
        const { stdout } = await lab.run('n0', [
          'env',
          `SLURM_JOB_ID=${id}`,
          'SLURM_JOB_NODELIST=n[0-2]',
          'node',
          UNET,
          'attr',
          'phase',
        ]);
        return stdout.trim() === 'usable' ? true : undefined;
      };
      await waitFor('the cluster', usable, { timeoutMs: 60_000, everyMs: 300 });
      for (const host of lab.hosts) {
        const own = lab.processes(host).filter(({ command }) => /node (agent|supervisor)/.test(command));
        expect(own.map(({ user }) => user)).toEqual(own.map(() => lab.user.name));
        expect(own).toHaveLength(host === 'n0' ? 2 : 1);
      }
      await writeFile(join(lab.user.home, 'go'), '');
      expect(await lab.waitForJob(id, JOB_TIMEOUT)).toMatchObject({ exitCode: 0 });
      await lab.run(lab.login, ['rm', 'go']);
      await expectNothingLeft(lab);
    });

    it('gets as many nodes as it asks for', async () => {
      const id = await job('unet up; unet attr nodes', { args: [`${ASKS} nodes=2`] });
      const { output, exitCode } = await lab.waitForJob(id, JOB_TIMEOUT);
      expect(output).toMatch(/^n0 n1$/m);
      expect(exitCode).toBe(0);
      await expectNothingLeft(lab);
    });

    it('can take it down and bring up another one by itself', async () => {
      const id = await job('set -e\nunet up; unet down; unet up; unet kubectl get nodes');
      const { output, exitCode } = await lab.waitForJob(id, JOB_TIMEOUT);
      expect(output).toMatch(/u7s-n2\s+Ready/);
      expect(exitCode).toBe(0);
      await expectNothingLeft(lab);
    });

    it('finds it also with a TMPDIR of its own, and where the job directory is not the usual one', async () => {
      const jobs = join(lab.user.home, 'jobs');
      const id = await job(
        `export TMPDIR=~/scratch XDG_STATE_HOME=~/state; mkdir -p $TMPDIR
        unet up; unet attr job-dir; unet attr supervisor; rmdir $TMPDIR; ls ~/state`,
        { args: [`${ASKS} job-dir=${jobs}`] },
      );
      const { output } = await lab.waitForJob(id, JOB_TIMEOUT);
      expect(output).toContain('the cluster is usable');
      expect(output).toContain(`${jobs}/slurm-${id}`);
      expect(output).toContain("cannot access '");
      await expectNothingLeft(lab);
      expect((await lab.run(lab.login, ['rmdir', jobs])).stderr).toBe('');
    });

    it('finds it under salloc on a login node', async () => {
      const text = script('set -e\nhostname; unet up; unet kubectl get nodes');
      const { stdout, stderr, exitCode } = await lab.run(
        lab.login,
        ['salloc', '-N3', '-t10', ASKS, 'bash', '-c', text],
        { timeoutMs: 90_000 },
      );
      expect(stdout, stderr).toMatch(/u7s-n2\s+Ready/);
      expect(exitCode).toBe(0);
      await expectNothingLeft(lab);
    });

    it('with a worker whose agent is killed can try it again', async () => {
      const id = await job(`unet up
        touch up; until [ -e killed ]; do sleep 0.2; done; rm killed up
        until unet status | grep -q 'n2 .*lost'; do sleep 0.2; done
        unet up && unet kubectl get nodes`);
      await waitFor('the cluster', async () => (await outputOf(id)).includes('is usable') || undefined, {
        timeoutMs: 60_000,
      });
      const agent = lab.processes('n2').find(({ command }) => command.includes('node agent'));
      await lab.kill('n2', agent?.pid ?? 0);
      await writeFile(join(lab.user.home, 'killed'), '');
      const { output, exitCode } = await lab.waitForJob(id, JOB_TIMEOUT);
      expect(output).toMatch(/trying again: n2/);
      expect(output).toMatch(/u7s-n2\s+Ready/);
      expect(exitCode).toBe(0);
      await expectNothingLeft(lab);
    });
  });

  const outputOf = (id: string) => lab.jobOutput(id);

  describe('the epilog leaves nothing', () => {
    it('of a job that is cancelled during the bring-up', async () => {
      const id = await job('sleep 60');
      await waitFor('an agent', async () => residents('n0').length > 0 || undefined, { timeoutMs: 30_000 });
      await lab.scancel(id);
      const { state } = await lab.waitForJob(id, JOB_TIMEOUT);
      expect(state).toBe('CANCELLED');
      await expectNothingLeft(lab, { keptLogs: true });
      await expectAllNodesIdle();
    });

    it('of a cluster whose supervisor was killed', async () => {
      const id = await job('unet up; touch up; sleep 60');
      await waitFor('the cluster', async () => (await outputOf(id)).includes('is usable') || undefined, {
        timeoutMs: 60_000,
      });
      const supervisor = lab.processes('n0').find(({ command }) => command.includes('node supervisor'));
      await lab.kill('n0', supervisor?.pid ?? 0);
      await lab.scancel(id);
      await lab.waitForJob(id, JOB_TIMEOUT);
      await expectNothingLeft(lab, { keptLogs: true });
      await expectAllNodesIdle();
    });

    it('of a cluster whose agents and supervisor are all killed', async () => {
      const id = await job('unet up; sleep 60');
      await waitFor('the cluster', async () => (await outputOf(id)).includes('is usable') || undefined, {
        timeoutMs: 60_000,
      });
      for (const host of lab.hosts) {
        for (const { pid, command } of lab.processes(host)) {
          if (/node (agent|supervisor)/.test(command)) {
            // One may end by the death of another.
            await lab.kill(host, pid).catch(() => {});
          }
        }
      }
      await lab.scancel(id);
      await lab.waitForJob(id, JOB_TIMEOUT);
      await expectNothingLeft(lab, { keptLogs: true });
      await expectAllNodesIdle();
    });
  });

  describe('a job that did not ask', () => {
    it('is not touched', async () => {
      const id = await job('ls -A /tmp; unet status; until [ -e go ]; do sleep 0.1; done', {
        args: ['--comment=my own words'],
      });
      await waitFor('its status', async () => (await outputOf(id)).includes('UNET_NO_CLUSTER') || undefined, {
        timeoutMs: 30_000,
      });
      expect(lab.hosts.flatMap(residents)).toEqual([]);
      expect((await Promise.all(lab.hosts.map((host) => lab.files(host)))).flat()).toEqual([]);
      await writeFile(join(lab.user.home, 'go'), '');
      expect(await lab.waitForJob(id, JOB_TIMEOUT)).toMatchObject({ exitCode: 0 });
      await lab.run(lab.login, ['rm', 'go']);
      await expectNothingLeft(lab);
    });

    it('can bring up its own, and what it forgets the epilog takes away', async () => {
      const id = await job('unet up && unet kubectl get nodes', { args: [] });
      const { output, exitCode } = await lab.waitForJob(id, JOB_TIMEOUT);
      expect(output).toMatch(/u7s-n2\s+Ready/);
      expect(exitCode).toBe(0);
      await expectNothingLeft(lab);
    });
  });

  describe('a unet that is broken', () => {
    it('neither fails the job nor drains a node', async () => {
      const bundle = join(lab.root, 'unet/dist/unet.js');
      await rename(bundle, `${bundle}.away`);
      try {
        const id = await job('echo the job runs');
        const { output, exitCode } = await lab.waitForJob(id, JOB_TIMEOUT);
        expect(output).toContain('the job runs');
        expect(exitCode).toBe(0);
        await expectAllNodesIdle();
      } finally {
        await rename(`${bundle}.away`, bundle);
      }
      await expectNothingLeft(lab);
    });

    it('nor does a job that asks for what there is not', async () => {
      const id = await job('echo the job runs', { args: ['--comment=usernetes please'] });
      const { output, exitCode } = await lab.waitForJob(id, JOB_TIMEOUT);
      expect(output).toContain('the job runs');
      expect(exitCode).toBe(0);
      await expectAllNodesIdle();
      await expectNothingLeft(lab);
    });
  });
});
