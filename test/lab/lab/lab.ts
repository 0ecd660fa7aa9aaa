import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { bootHost } from './boot.ts';
import { type CommandOptions, type CommandResult, Commands, type RunningCommand } from './commands.ts';
import { waitFor } from './deadline.ts';
import { CONTROL_HOST, cutLink, restoreLink, unplug } from './network.ts';
import { filesOf, type HostProcess, processesOf } from './processes.ts';
import { startSlurmd } from './slurm.ts';
import { isAlive, killIdentified, type LabHost, type LabState, type LabUser, saveState } from './state.ts';
import { endLab } from './sweep.ts';

export interface JobRequest {
  /** Default 1. */
  nodes?: number;
  /** As Slurm writes it. Default '10:00' (minutes). */
  time?: string;
  name?: string;
  /** Further arguments of sbatch. */
  args?: readonly string[];
  env?: Record<string, string | undefined>;
  cwd?: string;
  /** Where sbatch is typed. Default: the login host. */
  from?: string;
}

export interface JobResult {
  /** As Slurm names it: COMPLETED, FAILED, CANCELLED, TIMEOUT, NODE_FAIL … */
  readonly state: string;
  readonly exitCode: number;
  /** The signal that ended the script, 0 if none did. */
  readonly signal: number;
  readonly output: string;
}

const FINISHED =
  /^(BOOT_FAIL|CANCELLED|COMPLETED|DEADLINE|FAILED|NODE_FAIL|OUT_OF_MEMORY|PREEMPTED|TIMEOUT)$/;

/** A running lab. Disposing of it ends everything in it. */
export class Lab implements AsyncDisposable {
  readonly #state: LabState;
  readonly #commands: Commands;
  readonly #orphaned = () => killIdentified(this.#state.init);

  constructor(state: LabState) {
    this.#state = state;
    this.#commands = new Commands(state.user);
    // A vitest that is killed leaves its workers running, and this is one: the lab must not wait for it.
    if (state.kind === 'owned') process.once('disconnect', this.#orphaned);
  }

  /** The compute nodes: n0, n1 … */
  get hosts(): readonly string[] {
    return this.#state.computeHosts;
  }

  /** Where users type sbatch and salloc: no compute node. `ctl` when the lab has no login host. */
  get login(): string {
    return this.#state.submitHost;
  }

  /** The ordinary user; the home is shared by all hosts and has the same path outside of the lab. */
  get user(): LabUser {
    return this.#state.user;
  }

  /** The lab's directory: logs in `log/`, Slurm's state in `slurm/`. */
  get root(): string {
    return this.#state.root;
  }

  addressOf(host: string): string {
    return this.#host(host).address;
  }

  /** Runs a command to its end. A failing command is a result, not an error. @throws when late (default 20 s). */
  async run(
    host: string,
    argv: readonly string[],
    options: CommandOptions & { timeoutMs?: number; input?: string | Buffer } = {},
  ): Promise<CommandResult> {
    return this.#commands.run(this.#host(host), argv, options);
  }

  /** Starts a command that goes on: a daemon, an salloc, something to be killed. */
  async spawn(host: string, argv: readonly string[], options: CommandOptions = {}): Promise<RunningCommand> {
    return this.#commands.spawn(this.#host(host), argv, options);
  }

  /** Submits a batch script. Its output is in slurm-ID.out in the user's home unless `args` say otherwise. */
  async sbatch(script: string, request: JobRequest = {}): Promise<string> {
    const { nodes = 1, time = '10:00', name = 'lab', args = [], from = this.login, ...options } = request;
    const text = script.startsWith('#!') ? script : `#!/bin/bash\n${script}\n`;
    const argv = [
      'sbatch',
      '--parsable',
      `--nodes=${nodes}`,
      `--time=${time}`,
      `--job-name=${name}`,
      ...args,
    ];
    const { stdout } = await this.#succeed(from, argv, { ...options, input: text });
    return stdout.trim();
  }

  /** Waits until the job has ended and its nodes are released. @throws after `timeoutMs` (default 60 s). */
  async waitForJob(id: string, { timeoutMs = 60_000 } = {}): Promise<JobResult> {
    const job = await this.#waitForState(id, (state) => FINISHED.test(state), 'to end', timeoutMs);
    const [exitCode = 0, signal = 0] = (job.ExitCode ?? '').split(':').map(Number);
    return { state: job.JobState ?? '', exitCode, signal, output: await this.jobOutput(id) };
  }

  /** @throws when it does not run within `timeoutMs` (default 20 s), or has ended. */
  async waitForJobStart(id: string, { timeoutMs = 20_000 } = {}): Promise<void> {
    await this.#waitForState(
      id,
      (state) => {
        if (FINISHED.test(state)) throw new Error(`job ${id} is ${state} already`);
        return state === 'RUNNING';
      },
      'to start',
      timeoutMs,
    );
  }

  async scancel(id: string, args: readonly string[] = []): Promise<void> {
    await this.#succeed(this.login, ['scancel', ...args, id]);
  }

  /** What the job's script has written so far; empty before it started. */
  async jobOutput(id: string): Promise<string> {
    const path = (await this.job(id)).StdOut ?? '';
    return readFile(path, 'utf8').catch((error) => {
      if (error.code === 'ENOENT') return '';
      throw error;
    });
  }

  /** The fields of `scontrol show job`. @throws when Slurm does not know the job. */
  async job(id: string): Promise<Record<string, string>> {
    const { stdout } = await this.#succeed(this.login, ['scontrol', '--oneliner', 'show', 'job', id]);
    return Object.fromEntries([...stdout.matchAll(/(\S+?)=(\S*)/g)].map(([, key, value]) => [key, value]));
  }

  /** All processes on a host but its pid 1, detached ones too; those of `user` when given. */
  processes(host: string, { user }: { user?: string } = {}): HostProcess[] {
    const all = processesOf(this.#host(host), this.user);
    return user === undefined ? all : all.filter((process) => process.user === user);
  }

  /** What is below a host's node-local places (/tmp, /var/tmp, /dev/shm, /run/user, /run/lock), or below `roots`. */
  async files(host: string, roots?: readonly string[]): Promise<string[]> {
    return filesOf(this.#host(host), roots);
  }

  /** A signal to a process, by its pid on the host. @throws when there is no such process. */
  async kill(host: string, pid: number, signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    await this.#succeed(host, ['/bin/kill', `-${signal.slice(3)}`, String(pid)], { user: 'root', cwd: '/' });
  }

  /** The node dies: its link goes first, so that no peer hears of it, then all its processes at once. */
  async killHost(host: string): Promise<void> {
    const { init } = this.#host(host);
    await cutLink(this.#control, host);
    killIdentified(init);
    await waitFor(`the end of ${host}`, () => !isAlive(init) || undefined, { timeoutMs: 10_000, everyMs: 5 });
    await unplug(this.#control, host);
    delete this.#state.hosts[host];
    saveState(this.#state);
  }

  /** A host that was killed comes back, empty. Its slurmd reports for service. */
  async restartHost(host: string): Promise<void> {
    if (this.#state.hosts[host] !== undefined) throw new Error(`${host} is running`);
    await bootHost(this.#state, host);
    saveState(this.#state);
  }

  /** slurmd is killed, and started again. Its jobs go on. */
  async restartSlurmd(host: string): Promise<void> {
    const daemon = this.processes(host, { user: 'root' }).find(({ command }) =>
      command.startsWith('slurmd -D'),
    );
    if (daemon !== undefined) await this.kill(host, daemon.pid);
    startSlurmd(this.root, this.#host(host));
  }

  /** Waits until Slurm may give these hosts to the next job. @throws after `timeoutMs` (default 60 s). */
  async waitForIdle(hosts: readonly string[], { timeoutMs = 60_000 } = {}): Promise<void> {
    let said = '';
    await waitFor(
      `${hosts.join(', ')} to be idle`,
      async () => {
        const argv = ['sinfo', '--noheader', '--Node', '--format=%T', `--nodes=${hosts.join(',')}`];
        said = (await this.run(this.login, argv)).stdout.trim();
        return said.split('\n').every((state) => state === 'idle') || undefined;
      },
      { timeoutMs, everyMs: 200, explain: () => said },
    );
  }

  /** The path by which a file of a host is reached from outside of the lab. */
  outside(host: string, path: string): string {
    return join(`/proc/${this.#host(host).init.pid}/root`, path);
  }

  async cutLink(host: string): Promise<void> {
    await cutLink(this.#control, this.#host(host).name);
  }

  async restoreLink(host: string): Promise<void> {
    await restoreLink(this.#control, this.#host(host).name);
  }

  /** Ends every process of the lab and removes all it made. Repeatable. */
  async [Symbol.asyncDispose](): Promise<void> {
    process.off('disconnect', this.#orphaned);
    await endLab(this.#state);
    await this.#commands.killAll();
  }

  get #control(): LabHost {
    return this.#host(CONTROL_HOST);
  }

  #host(name: string): LabHost {
    const host = this.#state.hosts[name];
    if (host === undefined) throw new Error(`no host ${name}; running: ${Object.keys(this.#state.hosts)}`);
    return host;
  }

  async #succeed(host: string, argv: readonly string[], options: Parameters<Lab['run']>[2] = {}) {
    const result = await this.run(host, argv, options);
    if (result.exitCode === 0) return result;
    const how = result.signal ?? `exit code ${result.exitCode}`;
    throw new Error(`${argv.join(' ')} on ${host}: ${how}\n${result.stdout}${result.stderr}`);
  }

  async #waitForState(id: string, isIt: (state: string) => boolean, what: string, timeoutMs: number) {
    let job: Record<string, string> = {};
    return waitFor(
      `job ${id} ${what}`,
      async () => {
        job = await this.job(id);
        return isIt(job.JobState ?? '') ? job : undefined;
      },
      { timeoutMs, everyMs: 100, explain: () => `it is ${job.JobState}, reason ${job.Reason}` },
    );
  }
}
