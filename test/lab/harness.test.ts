import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { waitFor } from './lab/deadline.ts';
import { describeLab, type Lab, startLab } from './lab/index.ts';
import { FREEZER } from './lab/namespaces.ts';
import { LABS_DIRECTORY, loadState } from './lab/state.ts';

const NAMESPACES = ['pid', 'net', 'mnt', 'uts'];

describeLab('the lab', () => {
  let lab: Lab;

  beforeAll(async () => {
    lab = await startLab({ hosts: 3, login: true, ssh: true, killWaitSeconds: 2 });
  });

  afterAll(async () => {
    await lab?.[Symbol.asyncDispose]();
  });

  describe('hosts', () => {
    it('are idle nodes for Slurm, the login host is none', async () => {
      const { stdout } = await lab.run('login', ['sinfo', '--noheader', '--format=%n %T']);
      expect(stdout.trim().split('\n').sort()).toEqual(['n0 idle', 'n1 idle', 'n2 idle']);
    });

    it('have names, addresses and node-local places of their own, and share the home', async () => {
      await lab.run('n0', ['sh', '-c', 'hostname > ~/name; touch /tmp/here /dev/shm/there']);
      const seen = await lab.run('n1', ['sh', '-c', 'hostname; cat ~/name; ls /tmp /dev/shm']);
      expect(seen.stdout).toMatch(/^n1\nn0\n/);
      expect(seen.stdout).not.toContain('here');
      expect(await lab.files('n0')).toEqual(['/dev/shm/there', '/tmp/here']);
      expect(await lab.files('n1')).toEqual([]);
      expect(readFileSync(join(lab.user.home, 'name'), 'utf8')).toBe('n0\n');
      await lab.run('n0', ['rm', '/tmp/here', '/dev/shm/there']);
    });

    it('have no way out and no default route', async () => {
      const { stdout } = await lab.run('n0', ['ip', '-4', 'route']);
      expect(stdout.trim()).toBe(`10.77.0.0/24 dev eth0 proto kernel scope link src ${lab.addressOf('n0')}`);
    });

    it('give a command an explicit environment and report how it ended', async () => {
      const env = { GREETING: 'hello' };
      const ran = await lab.run('n2', ['sh', '-c', 'echo $GREETING $USER $VITEST; cat; exit 7'], {
        env,
        input: 'in',
      });
      expect(ran).toEqual({ stdout: 'hello unetlab\nin', stderr: '', exitCode: 7, signal: undefined });
      expect((await lab.run('n2', ['sh', '-c', 'kill -9 $$'])).signal).toBe('SIGKILL');
      expect((await lab.run('n2', ['id', '-un'], { user: 'root', cwd: '/' })).stdout).toBe('root\n');
    });

    it('end the whole tree of a command that is late', async () => {
      await expect(lab.run('n2', ['sh', '-c', 'sleep 61 & sleep 62'], { timeoutMs: 300 })).rejects.toThrow(
        /not done in \d+ ms/,
      );
      await gone(lab, 'n2', 'sleep 6');
    });

    it('let the user in by ssh, as known hosts', async () => {
      const ran = await lab.run('login', ['ssh', '-o', 'BatchMode=yes', 'n1', 'hostname; echo $HOME']);
      expect(ran).toMatchObject({ exitCode: 0, stdout: `n1\n${lab.user.home}\n`, stderr: '' });
    });
  });

  describe('jobs', () => {
    it('run on three nodes for an ordinary user', async () => {
      const id = await lab.sbatch('id -un; hostname; srun --label hostname', { nodes: 3 });
      const job = await lab.waitForJob(id);
      expect(job).toMatchObject({ state: 'COMPLETED', exitCode: 0 });
      expect(job.output.trim().split('\n').sort()).toEqual(['0: n0', '1: n1', '2: n2', 'n0', 'unetlab']);
    });

    it('report a failing script', async () => {
      const id = await lab.sbatch('exit 9');
      expect(await lab.waitForJob(id)).toMatchObject({ state: 'FAILED', exitCode: 9, signal: 0 });
    });

    it('can be an salloc on the login host, whose srun reaches the nodes', async () => {
      const script = 'hostname; srun hostname | sort; read -r line; echo "got $line"';
      const salloc = await lab.spawn('login', ['salloc', '--nodes=2', 'bash', '-c', script]);
      await salloc.says('login\nn0\nn1\n');
      salloc.stdin.end('a line\n');
      expect(await salloc.ended).toMatchObject({ exitCode: 0 });
      expect(salloc.output()).toContain('got a line');
    });

    it('share the same nodes at the same time', async () => {
      const script = 'srun sh -c "hostname; exec sleep 60"';
      const ids = [await lab.sbatch(script, { nodes: 3 }), await lab.sbatch(script, { nodes: 3 })];
      for (const id of ids) {
        await waitFor(
          'three names',
          async () => (await lab.jobOutput(id)).match(/n\d/g)?.length === 3 || undefined,
          {
            timeoutMs: 10_000,
          },
        );
      }
      expect(running(lab, 'n1', 'sleep 60')).toHaveLength(2);
      for (const id of ids) await lab.scancel(id);
      for (const id of ids) expect((await lab.waitForJob(id)).state).toBe('CANCELLED');
      for (const host of lab.hosts) expect(lab.processes(host, { user: lab.user.name })).toEqual([]);
    });

    it('get SIGTERM from scancel, and SIGKILL after KillWait', async () => {
      const script = 'srun sh -c "trap \\"echo TERM\\" TERM; echo ready; while :; do sleep 0.1; done"';
      const id = await lab.sbatch(script, { nodes: 2 });
      await waitFor(
        'both ready',
        async () => (await lab.jobOutput(id)).match(/ready/g)?.length === 2 || undefined,
        {
          timeoutMs: 10_000,
        },
      );
      const before = performance.now();
      await lab.scancel(id);
      expect((await lab.waitForJob(id)).output.match(/TERM/g)).toHaveLength(2);
      await gone(lab, 'n1', 'trap');
      expect(performance.now() - before).toBeGreaterThan(1500);
    });

    it('cannot hide a daemon that outlives them', async () => {
      const id = await lab.sbatch('setsid sleep 63 </dev/null >/dev/null 2>&1 & sleep 0.5');
      await lab.waitForJob(id);
      const [daemon, ...others] = running(lab, 'n0', 'sleep 63');
      expect(daemon).toMatchObject({ user: lab.user.name, command: 'sleep 63' });
      expect(others).toEqual([]);
      await lab.kill('n0', daemon?.pid ?? 0);
      await gone(lab, 'n0', 'sleep 63');
    });
  });

  describe('faults', () => {
    it('cut a link without a word to either side, and mend it', async () => {
      const greet = () => lab.run('n0', ['ssh', '-o', 'ConnectTimeout=1', 'n1', 'hostname']);
      await lab.cutLink('n1');
      expect((await greet()).exitCode).toBe(255);
      await lab.restoreLink('n1');
      expect((await greet()).stdout).toBe('n1\n');
    });

    it('kill a host with all that runs on it, and bring it back', async () => {
      const beat = 'while :; do date +%s%N > ~/beat-$(hostname); sleep 0.05; done';
      const step = await lab.spawn('login', ['srun', '--nodes=3', '--no-kill', '--wait=0', 'sh', '-c', beat]);
      const beatOf = (host: string) => readFileIfAny(join(lab.user.home, `beat-${host}`));
      await waitFor('three heartbeats', () => lab.hosts.every(beatOf) || undefined, { timeoutMs: 10_000 });

      await lab.killHost('n2');
      const last = beatOf('n2');
      const other = beatOf('n1');
      await waitFor('n1 goes on', () => beatOf('n1') !== other || undefined, { timeoutMs: 5000 });
      expect(beatOf('n2')).toBe(last);
      expect(() => lab.processes('n2')).toThrow('no host n2');

      await step.kill();
      await lab.restartHost('n2');
      expect((await lab.run('n2', ['hostname'])).stdout).toBe('n2\n');
      expect(await lab.files('n2')).toEqual([]);
    });
  });
});

describeLab('the end of a lab', () => {
  it('leaves no process, namespace, mount or directory', async () => {
    const lab = await startLab({ hosts: 2, login: true, ssh: true });
    await lab.sbatch('setsid sleep 64 & srun sleep 65', { nodes: 2 });
    await waitFor('the job', () => running(lab, 'n1', 'sleep 65').length > 0 || undefined, {
      timeoutMs: 10_000,
    });
    const forgotten = await lab.spawn('login', ['sleep', '66']);
    const namespaces = namespacesOf(lab);
    expect(namespaces.size).toBeGreaterThanOrEqual(4 * NAMESPACES.length);

    await lab[Symbol.asyncDispose]();

    expect((await forgotten.ended).signal).toBe('SIGKILL');
    expectNothingLeft(lab.root, namespaces);
    await lab[Symbol.asyncDispose]();
  });

  it('comes by itself when its owner is killed', async () => {
    const owner = await ownerOfALab();
    process.kill(owner.pid, 'SIGKILL');
    await waitFor('the end', () => !existsSync(owner.root) || undefined, { timeoutMs: 10_000 });
    expectNothingLeft(owner.root, owner.namespaces);
  });

  it.skipIf(!existsSync(FREEZER))(
    'takes the cgroups away too, and until then Slurm finds daemons by them',
    async () => {
      const lab = await startLab({ hosts: 1, proctrack: 'cgroup' });
      const id = await lab.sbatch('setsid sleep 67 & sleep 0.3; cat /proc/self/cgroup');
      const { output } = await lab.waitForJob(id);
      const cgroup = /freezer:(\/unet-lab-[^/]+)/.exec(output)?.[1];
      expect(cgroup).toBeDefined();
      await gone(lab, 'n0', 'sleep 67');
      await lab[Symbol.asyncDispose]();
      expect(existsSync(`${FREEZER}${cgroup}`)).toBe(false);
    },
  );

  it('follows a start that failed', async () => {
    const options = { hosts: 2, config: ['SelectType=select/nonsense'] };
    await expect(startLab(options)).rejects.toThrow('select/nonsense');
    // Other tests have labs at the same time: only those of this process count.
    const states = readdirSync(LABS_DIRECTORY).map((id) => loadState(join(LABS_DIRECTORY, id)));
    expect(states.filter((state) => state?.owner.pid === process.pid)).toEqual([]);
  });
});

function running(lab: Lab, host: string, command: string) {
  return lab.processes(host, { user: lab.user.name }).filter((process) => process.command.includes(command));
}

async function gone(lab: Lab, host: string, command: string): Promise<void> {
  await waitFor(`no ${command} on ${host}`, () => running(lab, host, command).length === 0 || undefined, {
    timeoutMs: 10_000,
  });
}

/** The namespaces of all processes that have to do with the lab. */
function namespacesOf({ root }: { root: string }): Set<string> {
  const { init, hosts } = JSON.parse(readFileSync(join(root, 'lab.json'), 'utf8'));
  const inits = [init, ...Object.values(hosts).map((host) => (host as { init: { pid: number } }).init)];
  const own = new Set(NAMESPACES.map((kind) => readlinkSync(`/proc/self/ns/${kind}`)));
  const all = inits.flatMap(({ pid }) => NAMESPACES.map((kind) => readlinkSync(`/proc/${pid}/ns/${kind}`)));
  return new Set(all.filter((namespace) => !own.has(namespace)));
}

function expectNothingLeft(root: string, namespaces: Set<string>): void {
  const left: string[] = [];
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    const command = readFileIfAny(`/proc/${pid}/cmdline`)?.replaceAll('\0', ' ') ?? '';
    const inside = NAMESPACES.some((kind) => namespaces.has(readlinkIfAny(`/proc/${pid}/ns/${kind}`) ?? ''));
    if (inside || command.includes(root)) left.push(`${pid} ${command}`);
  }
  expect(left).toEqual([]);
  expect(readFileSync('/proc/self/mountinfo', 'utf8')).not.toContain(root);
  expect(existsSync(root)).toBe(false);
}

/** Another process with a lab, to be killed. */
async function ownerOfALab(): Promise<{ pid: number; root: string; namespaces: Set<string> }> {
  const bundled = await build({
    stdin: {
      contents: `import { startLab } from './lab/start.ts';
        const lab = await startLab({ hosts: 1 });
        console.log(lab.root);
        setInterval(() => {}, 1000);`,
      resolveDir: import.meta.dirname,
    },
    bundle: true,
    platform: 'node',
    format: 'esm',
    packages: 'external',
    write: false,
  });
  const file = join('node_modules', '.cache', `unet-lab-owner-${process.pid}.mjs`);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, bundled.outputFiles[0]?.text ?? '');
  const child = spawn(process.execPath, [file], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = await once(child.stdout, 'data', { signal: AbortSignal.timeout(20_000) });
  rmSync(file);
  const root = String(line).trim();
  return { pid: child.pid ?? 0, root, namespaces: namespacesOf({ root }) };
}

function readFileIfAny(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

function readlinkIfAny(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}
