import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { TIME_SCALE } from '../process/scratch.ts';
import { installUnet } from './install.ts';
import { waitFor } from './lab/deadline.ts';
import { describeLab, type Lab, startLab } from './lab/index.ts';
import { expectNothingLeft } from './nothing-left.ts';

let UNET = '';
const JOB_TIMEOUT = { timeoutMs: 60_000 };

vi.setConfig({ testTimeout: 120_000 * TIME_SCALE });

/** A batch script in which `unet` is this checkout's, with the rehearsal release. */
function script(text: string): string {
  return `#!/bin/bash\nunet() { node ${UNET} "$@"; }\nexport UNET_RELEASE=rehearsal\n${text}\n`;
}

describeLab('in Slurm', () => {
  let lab: Lab;

  beforeAll(async () => {
    lab = await startLab({ hosts: 3, login: true });
    UNET = await installUnet(lab);
  });

  afterAll(async () => {
    await lab?.[Symbol.asyncDispose]();
  });

  afterEach(async ({ task }) => {
    if (task.result?.state === 'fail') {
      const { stdout } = await lab.run(lab.login, ['sh', '-c', 'tail -n 80 ~/slurm-*.out; squeue'], {
        cwd: lab.user.home,
      });
      console.log(stdout);
    }
    await lab.run(lab.login, ['sh', '-c', 'scancel -u $USER; rm -rf slurm-*.out ~/.local']);
  });

  describe('a network that will not do', () => {
    const asRoot = { user: 'root' } as const;
    const onEach = (text: string) =>
      Promise.all(['n0', 'n1', 'n2'].map((name) => lab.run(name, ['sh', '-c', text], asRoot)));

    it('since each node has the same address there is refused with nodes and addresses, before anything is started', async () => {
      await onEach(
        'ip link add virbr0 type bridge; ip addr add 192.168.122.1/24 dev virbr0; ip link set virbr0 up',
      );
      try {
        const id = await lab.sbatch(script('unet up --interface virbr0; echo "up exits with $?"'), {
          nodes: 3,
        });
        const { output } = await lab.waitForJob(id, JOB_TIMEOUT);
        expect(output).toContain('UNET_ADDRESS_UNKNOWN on n0: the address 192.168.122.1 of the lead, n0,');
        expect(output).toMatch(/is also one of n1, n2/);
        expect(output).toMatch(/n2: .*eth0 \(10\.77\.0\.12\)/);
        expect(output).toContain('up exits with 3');
        expect(output).not.toContain('start the node');
      } finally {
        await onEach('ip link del virbr0');
      }
      await expectNothingLeft(lab, { keptLogs: true });
    });

    it('since flannel’s port is blocked on one node is refused with the addresses, before anything is started', async () => {
      const rule = ['ipproto', 'udp', 'dport', '8472', 'blackhole'];
      await lab.run('n2', ['ip', 'rule', 'add', ...rule], asRoot);
      try {
        const id = await lab.sbatch(script('unet up; echo "up exits with $?"'), { nodes: 3 });
        const { output } = await lab.waitForJob(id, JOB_TIMEOUT);
        expect(output).toContain('UDP port 8472 is not answered between n2 (10.77.0.12) and n0 (10.77.0.10)');
        expect(output).toContain('up exits with 3');
        expect(output).not.toContain('start the node');
      } finally {
        await lab.run('n2', ['ip', 'rule', 'del', ...rule], asRoot);
      }
      await expectNothingLeft(lab, { keptLogs: true });
    });
  });

  describe('a batch script', () => {
    it('with unet run has a cluster of all nodes, and the exit code of its command', async () => {
      const id = await lab.sbatch(
        script(`unet run -- sh -c 'echo "nodes: $UNET_JOB_NODES"; kubectl get nodes; exit 7'`),
        { nodes: 3 },
      );
      const { output, exitCode } = await lab.waitForJob(id, JOB_TIMEOUT);
      expect(output).toContain('nodes: n0 n1 n2');
      expect(output).toMatch(/u7s-n2\s+Ready/);
      expect(exitCode).toBe(7);
      await expectNothingLeft(lab);
    });

    it('with up, env, status and down works in it step by step; a second up is the same cluster', async () => {
      const id = await lab.sbatch(
        script(`set -e
          unet up
          eval "$(unet env)"
          kubectl get nodes -o wide
          unet status --json > status.json
          uid=$(kubectl get namespace kube-system -o 'jsonpath={.metadata.uid}')
          unet up
          test "$uid" = "$(unet kubectl get namespace kube-system -o 'jsonpath={.metadata.uid}')" && echo same cluster
          stat -c '%a %n' "$(unet attr kubeconfig)"
          unet down
          unet down
          unet status || echo "status exits with $?"`),
        { nodes: 3 },
      );
      const { output, exitCode } = await lab.waitForJob(id, JOB_TIMEOUT);
      expect(exitCode).toBe(0);
      expect(output).toMatch(/u7s-n1\s+Ready\s+<none>.*10\.77\.0\.\d+/);
      expect(output).toContain('same cluster');
      expect(output).toMatch(/^600 .*kubeconfig$/m);
      expect(output).toContain('UNET_NO_CLUSTER');
      expect(output).toContain('status exits with 1');
      const status = JSON.parse(await readFile(join(lab.user.home, 'status.json'), 'utf8'));
      expect(status).toMatchObject({ jobId: `slurm-${id}`, phase: 'usable', lead: 'n0' });
      expect(status.secondsLeft).toBeGreaterThan(0);
      await expectNothingLeft(lab);
    });

    it('with up on every node at the same moment has one cluster', async () => {
      const id = await lab.sbatch(
        script(`export -f unet
          srun --overlap -N3 -n3 bash -c 'unet up && echo "$(hostname) $(unet attr supervisor)"'
          unet down`),
        { nodes: 3 },
      );
      const { output, exitCode } = await lab.waitForJob(id, JOB_TIMEOUT);
      expect(exitCode).toBe(0);
      const seen = lab.hosts.map((host) => new RegExp(`^${host} (\\S+ \\d+)$`, 'm').exec(output)?.[1]);
      expect(seen).toEqual([expect.any(String), seen[0], seen[0]]);
      await expectNothingLeft(lab);
    });

    it('leaves room for another srun while the cluster is up', async () => {
      const id = await lab.sbatch(
        script(`unet run -- srun --overlap -N3 -n3 sh -c 'echo "step on $(hostname)"'`),
        { nodes: 3 },
      );
      const { output, exitCode } = await lab.waitForJob(id, JOB_TIMEOUT);
      expect(exitCode).toBe(0);
      for (const host of lab.hosts) {
        expect(output).toContain(`step on ${host}`);
      }
      await expectNothingLeft(lab);
    });

    it('that ends without down leaves nothing', async () => {
      const id = await lab.sbatch(script('unet up && echo the script ends'), { nodes: 3 });
      const { output } = await lab.waitForJob(id, JOB_TIMEOUT);
      expect(output).toContain('the script ends');
      await expectNothingLeft(lab);
    });

    it('is not confused by the SLURM_ variables of an outer step', async () => {
      const id = await lab.sbatch(
        script(`export SLURM_NTASKS=1 SLURM_NPROCS=1 SLURM_CPU_BIND=quiet,mask_cpu:0x1 SLURM_EXCLUSIVE=1 SLURM_STDOUTMODE=none SLURM_LABELIO=1
          export SLURM_GPUS=4 SLURM_MPI_TYPE=pmix SLURM_HOSTFILE=/nowhere SLURM_WORKING_DIR=/tmp SLURM_MEM_PER_NODE=1
          unet run -- unet_cluster_is_up`).replace('unet_cluster_is_up', 'kubectl get nodes'),
        { nodes: 3 },
      );
      const { output, exitCode } = await lab.waitForJob(id, JOB_TIMEOUT);
      expect(output).toMatch(/u7s-n2\s+Ready/);
      expect(exitCode).toBe(0);
      await expectNothingLeft(lab);
    });

    it('whose job directory is not shared joins over stdio, and keeps the kubeconfig private', async () => {
      const id = await lab.sbatch(
        script(`export UNET_JOB_DIR=/tmp/private
          unet run -- sh -c 'stat -c "%a %n" "$KUBECONFIG"; kubectl get nodes'; rmdir /tmp/private`),
        { nodes: 3 },
      );
      const { output } = await lab.waitForJob(id, JOB_TIMEOUT);
      expect(output).toMatch(/^600 \/tmp\/private\/.*kubeconfig$/m);
      expect(output).toMatch(/u7s-n2\s+Ready/);
      await expectNothingLeft(lab);
    });
  });

  describe('a cluster', () => {
    it('is found, and not taken apart, from a host that has the name of its supervisor’s', async () => {
      const setName = (host: string, name: string) =>
        lab.run(host, ['hostname', name], { user: 'root', cwd: '/' });
      await Promise.all(['n1', 'n2'].map((host) => setName(host, 'n0')));
      try {
        const id = await lab.sbatch(
          script(`set -e
            export -f unet
            unet up
            unet attr supervisor > before
            srun --overlap -N1 -n1 -w n1 bash -c 'hostname; unet status; unet up && echo found by up; unet attr supervisor > after'
            cmp before after && echo the same
            srun --overlap -N1 -n1 -w n2 bash -c 'unet down'`),
          { nodes: 3 },
        );
        const { output, exitCode } = await lab.waitForJob(id, { timeoutMs: 100_000 });
        expect(exitCode, output).toBe(0);
        expect(output).toMatch(/^n0\n.*usable/m);
        expect(output).toContain('found by up');
        expect(output).toContain('the same');
        await expectNothingLeft(lab);
      } finally {
        await Promise.all(['n1', 'n2'].map((host) => setName(host, host)));
      }
    });

    it('of a heterogeneous job has the nodes of all components', async () => {
      const id = await lab.sbatch(
        script(`unet run -- kubectl get nodes -o name
          srun --overlap --het-group=1 -n1 -N1 bash -c 'hostname; echo still here'`),
        { nodes: 1, args: [':', '--nodes=2'] },
      );
      const { exitCode } = await lab.waitForJob(id, JOB_TIMEOUT);
      // Slurm describes all components; the script's output is the first one's.
      const output = await readFile(join(lab.user.home, `slurm-${id}.out`), 'utf8');
      expect(exitCode, output).toBe(0);
      for (const host of lab.hosts) {
        expect(output).toContain(`node/u7s-${host}`);
      }
      expect(output).toContain('still here');
      await expectNothingLeft(lab);
    });

    it('is found from a login node by the job’s id, and is gone with the job', async () => {
      const id = await lab.sbatch(script('unet run -- sleep 600'), { nodes: 2 });
      const typed = (command: string) =>
        lab.run(lab.login, ['sh', '-c', `SLURM_JOB_ID=${id} exec node ${UNET} ${command}`], {
          cwd: lab.user.home,
        });
      await waitFor(
        'the cluster',
        async () => {
          const { stdout } = await typed('status');
          return stdout.includes(`slurm-${id}: usable`) || undefined;
        },
        JOB_TIMEOUT,
      );
      await lab.scancel(id);
      await lab.waitForJob(id, JOB_TIMEOUT);
      const { stderr, exitCode } = await typed('status');
      expect(stderr).toMatch(new RegExp(`UNET_NO_ALLOCATION.*job ${id} of SLURM_JOB_ID is over`));
      expect(exitCode).toBe(2);
      const stale = `SLURM_JOB_NODELIST=n[0-1] SLURM_JOB_ID=${id}`;
      const down = await lab.run(lab.login, ['sh', '-c', `${stale} exec node ${UNET} down`], {
        cwd: lab.user.home,
      });
      expect(down.exitCode, down.stderr).toBe(0);
      const up = await lab.run(lab.login, ['sh', '-c', `${stale} exec node ${UNET} up`], {
        cwd: lab.user.home,
      });
      expect(up.stderr).toMatch(/UNET_NO_ALLOCATION.*is over/);
      await expectNothingLeft(lab);
    });
  });

  describe('under salloc', () => {
    it('on a login node outside the allocation, up, kubectl and down work', async () => {
      const { stdout, stderr, exitCode } = await lab.run(
        lab.login,
        [
          'salloc',
          '-N3',
          '-t10',
          'bash',
          '-c',
          script('set -e\nhostname; unet up; unet kubectl get nodes; unet status; unet down'),
        ],
        { timeoutMs: 60_000 },
      );
      expect(stderr).toContain('everything is gone');
      expect(stdout).toMatch(/^login$/m);
      expect(stdout).toMatch(/u7s-n0\s+Ready/);
      expect(stdout).toMatch(/usable, \d+m/);
      expect(exitCode).toBe(0);
      await expectNothingLeft(lab);
    });

    it('in a shell on a compute node of the allocation, up, status and down work', async () => {
      const text = script('set -e\nhostname; unet up; unet kubectl get nodes; unet status; unet down');
      const { stdout, stderr, exitCode } = await lab.run(
        'n0',
        ['salloc', '-N3', '-t10', 'bash', '-c', text],
        {
          timeoutMs: 60_000,
        },
      );
      expect(stderr).toContain('everything is gone');
      expect(stdout).toMatch(/^n0$/m);
      expect(stdout).toMatch(/u7s-n2\s+Ready/);
      expect(exitCode).toBe(0);
      await expectNothingLeft(lab);
    });

    it('the cluster is found, and taken down, from a compute node too', async () => {
      const text = script(`set -e
        unet up
        srun --overlap -N1 -n1 -w n1 bash -c '${`node ${UNET} status; eval "$(node ${UNET} env)"; kubectl get nodes; node ${UNET} down`}'`);
      const { stdout, stderr, exitCode } = await lab.run(
        lab.login,
        ['salloc', '-N3', '-t10', 'bash', '-c', text],
        { timeoutMs: 60_000 },
      );
      expect(`${stdout}${stderr}`).toContain('nothing of slurm-');
      expect(stdout).toMatch(/u7s-n2\s+Ready/);
      expect(exitCode).toBe(0);
      await expectNothingLeft(lab);
    });

    it('a Ctrl-C during up takes everything away and exits with 130', async () => {
      const running = await lab.spawn(lab.login, [
        'salloc',
        '-N3',
        '-t10',
        'bash',
        '-c',
        `${script('')}export UNET_REHEARSAL=init:delay=60s\nexec 2>&1\nnode ${UNET} up & echo "up is $!"; wait $!; echo "up exited with $?"`,
      ]);
      await running.says(/n0: kubeadm init/, 30_000);
      const pid = Number(/up is (\d+)/.exec(running.output())?.[1]);
      await lab.kill(lab.login, pid, 'SIGINT');
      await running.says(/up exited with 130/, 30_000);
      await running.ended;
      await expectNothingLeft(lab, { keptLogs: true });
    });
  });

  describe('when something goes wrong', () => {
    it('scancel during the bring-up leaves nothing', async () => {
      const id = await lab.sbatch(script('UNET_REHEARSAL=init:delay=60s unet run -- true'), { nodes: 3 });
      await outputSays(lab, id, /n0: kubeadm init/);
      await lab.scancel(id);
      const { state } = await lab.waitForJob(id, JOB_TIMEOUT);
      expect(state).toBe('CANCELLED');
      await expectNothingLeft(lab, { keptLogs: true });
    });

    it('an agent killed during the life of the cluster is said, and its node cleaned; up tries it again', async () => {
      const id = await lab.sbatch(
        script(`unet up
          until [ -e killed ]; do sleep 0.2; done; rm killed
          until unet status | grep -q 'n2 .*lost'; do sleep 0.2; done
          unet status
          unet up && unet kubectl get nodes && unet down`),
        { nodes: 3 },
      );
      await outputSays(lab, id, /the cluster is usable/);
      await lab.kill('n2', agentOn(lab, 'n2'));
      await waitFor(
        'the node to be cleaned',
        async () => ((await lab.files('n2')).length === 0 ? true : undefined),
        { timeoutMs: 30_000 },
      );
      await writeFile(join(lab.user.home, 'killed'), '');
      const { output, exitCode } = await lab.waitForJob(id, JOB_TIMEOUT);
      expect(output).toMatch(/n2 .*lost/);
      expect(output).toMatch(/trying again: n2/);
      expect(exitCode).toBe(0);
      await expectNothingLeft(lab);
    });

    it('a supervisor killed with -9 makes the agents clean up', async () => {
      const id = await lab.sbatch(script('unet up; touch up; sleep 60'), { nodes: 3 });
      await outputSays(lab, id, /the cluster is usable/);
      const supervisor = lab.processes('n0').find(({ command }) => command.includes('node supervisor'));
      await lab.kill('n0', supervisor?.pid ?? 0);
      await waitFor(
        'the agents to clean up',
        async () => {
          const files = (await Promise.all(lab.hosts.map((host) => lab.files(host)))).flat();
          const nodes = lab.hosts
            .flatMap((host) => lab.processes(host))
            .filter(({ command }) => /node agent|unet-rehearsal-node/.test(command));
          return files.length + nodes.length === 0 ? true : undefined;
        },
        { timeoutMs: 60_000, everyMs: 200 },
      );
      await lab.scancel(id);
      await lab.waitForJob(id, JOB_TIMEOUT);
      await expectNothingLeft(lab, { keptLogs: true });
    });

    it.each([
      ['agents', /^(?!\S*srun ).*node agent/],
      ['agents, supervisor and srun', /node agent|node supervisor/],
    ])('%s killed with -9, and the job ended at once, leave nothing', async (_, victims) => {
      const id = await lab.sbatch(script('unet up; until [ -e over ]; do sleep 0.1; done; rm over'), {
        nodes: 3,
      });
      await outputSays(lab, id, /the cluster is usable/);
      const killed = lab.hosts.flatMap((host) =>
        lab
          .processes(host)
          .filter(({ command }) => victims.test(command))
          // One may end by the death of another.
          .map(({ pid }) => lab.kill(host, pid).catch(() => {})),
      );
      expect(killed.length).toBeGreaterThanOrEqual(3);
      await Promise.all(killed);
      await writeFile(join(lab.user.home, 'over'), '');
      await lab.waitForJob(id, JOB_TIMEOUT);
      await expectNothingLeft(lab, { keptLogs: true });
    });

    it('a worker whose join fails twice joins at the third try', async () => {
      const id = await lab.sbatch(
        script('export UNET_REHEARSAL=join@n1:fail=2\nunet run -- kubectl get nodes'),
        { nodes: 3 },
      );
      const { output, exitCode } = await lab.waitForJob(id, JOB_TIMEOUT);
      expect(output).toMatch(/u7s-n1\s+Ready/);
      expect(output.match(/n1: .*(again|retr|try)/gi)?.length).toBeGreaterThanOrEqual(2);
      expect(exitCode).toBe(0);
      await expectNothingLeft(lab);
    });

    it('a stale join record of an earlier job is refused, and said so', async () => {
      const id = await lab.sbatch(
        script(`dir=~/.local/state/unet/jobs/slurm-$SLURM_JOB_ID; umask 077
          # One that is there at the start is removed; this one is put there before there is a right one.
          { until [ -e $dir/state.json ]; do sleep 0.05; done; cp stale.json $dir/join/record.json; } &
          UNET_REHEARSAL=init:delay=4s unet run -- kubectl get nodes`),
        { nodes: 3, args: ['--hold'] },
      );
      await writeFile(join(lab.user.home, 'stale.json'), JSON.stringify(staleRecord()));
      await lab.run(lab.login, ['scontrol', 'release', id]);
      const { output, exitCode } = await lab.waitForJob(id, JOB_TIMEOUT);
      expect(output).toMatch(/n1: .*the join record is of another job, slurm-4711/);
      expect(output).toMatch(/u7s-n1\s+Ready/);
      expect(exitCode).toBe(0);
      await expectNothingLeft(lab);
    });

    it('a failing step shows node, step, last lines, log and what to do, and everything is taken away', async () => {
      const id = await lab.sbatch(script('UNET_REHEARSAL=init:fail=always unet run -- true'), { nodes: 3 });
      const { output, exitCode } = await lab.waitForJob(id, JOB_TIMEOUT);
      expect(exitCode).toBe(1);
      expect(output).toContain('UNET_STEP_FAILED');
      const log = /\S+\/n0\/init\.log/.exec(output)?.[0] ?? '';
      expect(await readFile(log, 'utf8')).toContain('kubeadm');
      await expectNothingLeft(lab, { keptLogs: true });
    });

    it('a job directory that others could have prepared is refused before anything starts', async () => {
      const id = await lab.sbatch(
        script('umask 0; mkdir -p ~/open; UNET_JOB_DIR=~/open unet up; echo "exit $?"; rmdir ~/open'),
        { nodes: 2 },
      );
      const { output } = await lab.waitForJob(id, JOB_TIMEOUT);
      expect(output).toContain('UNET_UNSAFE_PATH');
      expect(output).toContain('exit 3');
      await expectNothingLeft(lab);
    });

    it('two jobs of one user on the same nodes at the same time do not touch each other', async () => {
      const text = script(
        `unet run -- sh -c 'unet() { node ${UNET} "$@"; }; echo "server $UNET_JOB_API_SERVER"; touch run-$SLURM_JOB_ID; until [ $(ls run-* | wc -l) = 2 ]; do sleep 0.1; done; kubectl get nodes'`,
      );
      const ids = await Promise.all([0, 1].map(() => lab.sbatch(text, { nodes: 3 })));
      const results = await Promise.all(ids.map((id) => lab.waitForJob(id, JOB_TIMEOUT)));
      for (const { output, exitCode } of results) {
        expect(exitCode).toBe(0);
        expect(output).toMatch(/u7s-n2\s+Ready/);
      }
      const servers = results.map(({ output }) => /server (\S+)/.exec(output)?.[1]);
      expect(new Set(servers).size).toBe(2);
      await lab.run(lab.login, ['sh', '-c', 'rm -f run-*']);
      await expectNothingLeft(lab);
    });
  });
});

describeLab('in Slurm, a node that dies', () => {
  it('before it greets is named, and --min-nodes goes on without it', async () => {
    await using lab = await startLab({ hosts: 3, login: true });
    UNET = await installUnet(lab);
    const id = await lab.sbatch(
      script(
        'until [ -e go ]; do sleep 0.1; done\nUNET_STEP_TIMEOUT_HELLO=20s unet run --min-nodes 2 -- kubectl get nodes; echo "run exited with $?"',
      ),
      { nodes: 3, args: ['--no-kill'] },
    );
    await lab.waitForJobStart(id);
    await lab.killHost('n2');
    await writeFile(join(lab.user.home, 'go'), '');
    // slurmctld itself is busy with the dead node, so the output is read and not asked for.
    const output = await fileSays(join(lab.user.home, `slurm-${id}.out`), /run exited with \d+/, 100_000);
    expect(output).toMatch(/UNET_NODE_SILENT|UNET_LAUNCH_FAILED/);
    expect(output).toMatch(/u7s-n1\s+Ready/);
    expect(output).toContain('run exited with 0');
  });

  it('in the life of the cluster is said, and down works without it', async () => {
    await using lab = await startLab({ hosts: 3, login: true });
    UNET = await installUnet(lab);
    const id = await lab.sbatch(
      script(`export UNET_HEARTBEAT=1s UNET_SILENCE=4s UNET_STEP_TIMEOUT_DOWN=5s
        unet up; until unet status | grep -q 'n2 .*lost'; do sleep 0.3; done; unet status; unet down; echo "down exited with $?"`),
      { nodes: 3, args: ['--no-kill'] },
    );
    await outputSays(lab, id, /the cluster is usable/);
    await lab.killHost('n2');
    const output = await fileSays(join(lab.user.home, `slurm-${id}.out`), /down exited with \d+/, 100_000);
    expect(output).toMatch(/n2 .*lost/);
    expect(output).toMatch(/down exited with 1/);
    expect(output).toMatch(/n2 could not be cleaned/);
    expect((await lab.files('n0')).concat(await lab.files('n1'))).toEqual([]);
  });
});

async function fileSays(path: string, pattern: RegExp, timeoutMs: number): Promise<string> {
  let text = '';
  await waitFor(
    `${path} to say ${pattern}`,
    async () => {
      text = await readFile(path, 'utf8').catch(() => '');
      return pattern.test(text) ? true : undefined;
    },
    { timeoutMs, everyMs: 200, explain: () => text },
  );
  return text;
}

async function outputSays(lab: Lab, id: string, pattern: RegExp): Promise<void> {
  await waitFor(
    `the job to say ${pattern}`,
    async () => (pattern.test(await lab.jobOutput(id)) ? true : undefined),
    { timeoutMs: 40_000, everyMs: 100 },
  );
}

function agentOn(lab: Lab, host: string): number {
  const agent = lab.processes(host).find(({ command }) => command.includes('node agent'));
  if (agent === undefined) {
    throw new Error(`no agent on ${host}`);
  }
  return agent.pid;
}

function staleRecord() {
  return {
    version: 1,
    jobId: 'slurm-4711',
    epoch: 1,
    apiServer: { host: 'u7s-n0', address: '10.77.0.99', port: 6443 },
    token: 'abcdef.0123456789abcdef',
    caCertHash: `sha256:${'0'.repeat(64)}`,
    expiresAt: new Date(Date.now() + 3_600_000).toISOString(),
  };
}
