import type { Readable, Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { execa } from 'execa';
import { TIME_SCALE, waitFor } from './deadline.ts';
import { childrenNow, childrenOf, onHost } from './namespaces.ts';
import { pidOnHost } from './processes.ts';
import type { LabHost, LabUser } from './state.ts';
import { SYSTEM_PATH } from './unavailable.ts';

export interface CommandOptions {
  /** Default: the ordinary user. */
  user?: 'root' | 'user';
  /** Added to the explicit environment (PATH, HOME, USER, LOGNAME, SHELL, LANG); undefined takes one away. */
  env?: Record<string, string | undefined>;
  /** On the host. Default: the user's home. */
  cwd?: string;
}

export interface CommandResult {
  stdout: string;
  stderr: string;
  /** undefined when a signal ended it. */
  exitCode: number | undefined;
  signal: NodeJS.Signals | undefined;
}

/** A command that runs on a host. */
export interface RunningCommand {
  readonly host: string;
  /** As processes of the host see it; undefined when the command ended before it could be asked. */
  readonly pid: number | undefined;
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** Resolves when it has ended, however; never rejects. */
  readonly ended: Promise<CommandResult>;
  /** What it has said so far on stdout. */
  output(): string;
  /** What it has said so far on stderr. */
  errors(): string;
  /** Waits until stdout has this. @throws after `timeoutMs` (default 10 s), or when it ended without saying it. */
  says(text: string | RegExp, timeoutMs?: number): Promise<string>;
  /** A signal to the command alone, as a user's `kill PID` there. */
  signal(name: NodeJS.Signals): void;
  /** SIGKILL to the command and all its descendants on this host. What it started elsewhere goes on. */
  kill(): Promise<CommandResult>;
}

/** Owns the commands of one lab that are still running. */
export class Commands {
  readonly #running = new Set<RunningCommand>();
  readonly #user: LabUser;

  constructor(user: LabUser) {
    this.#user = user;
  }

  async spawn(host: LabHost, argv: readonly string[], options: CommandOptions = {}): Promise<RunningCommand> {
    const asRoot = options.user === 'root';
    const ids = asRoot ? [] : ['--setgid', String(this.#user.gid), '--setuid', String(this.#user.uid)];
    const home = asRoot ? '/root' : this.#user.home;
    // setsid: a session of its own, as sshd gives one; a process group across namespaces has no id inside.
    const inside = ['/usr/bin/env', `--chdir=${options.cwd ?? home}`, '/usr/bin/setsid', '--', ...argv];
    const child = execa('nsenter', [...onHost(host.init), ...ids, '--', ...inside], {
      env: { ...environmentOf(asRoot ? 'root' : this.#user.name, home), ...options.env },
      extendEnv: false,
      reject: false,
      buffer: false,
      detached: true,
      cleanup: false,
    });
    const stdout = collect(child.stdout);
    const stderr = collect(child.stderr);
    // A command that ends without reading its input is no error of the writer's.
    child.stdin.on('error', () => {});
    const nsenter = child.pid;
    if (nsenter === undefined) throw new Error(`nsenter could not be started: ${(await child).message}`);
    let over = false;
    const ended = child.then(({ exitCode, signal }) => {
      over = true;
      this.#running.delete(running);
      return { stdout: stdout(), stderr: stderr(), exitCode, signal: signal as NodeJS.Signals | undefined };
    });
    const running: RunningCommand = {
      host: host.name,
      pid: undefined,
      stdin: child.stdin,
      stdout: child.stdout,
      stderr: child.stderr,
      ended,
      output: stdout,
      errors: stderr,
      says: (text, timeoutMs = 10_000) => says(running, text, timeoutMs, () => over),
      signal: (name) => {
        for (const pid of childrenNow(nsenter) ?? []) tryKill(pid, name);
      },
      kill: async () => {
        if (!over) killDescendants(nsenter);
        return ended;
      },
    };
    this.#running.add(running);
    const [outside] = await childrenOf(nsenter);
    const pid = outside === undefined ? undefined : pidOnHost(outside);
    return Object.assign(running, { pid });
  }

  /** @throws when it takes longer than `timeoutMs`; its process tree is killed then. */
  async run(
    host: LabHost,
    argv: readonly string[],
    {
      timeoutMs = 20_000,
      input,
      ...options
    }: CommandOptions & { timeoutMs?: number; input?: string | Buffer } = {},
  ): Promise<CommandResult> {
    const running = await this.spawn(host, argv, options);
    running.stdin.end(input);
    const timer = new AbortController();
    const late = sleep(timeoutMs * TIME_SCALE, 'late' as const, { signal: timer.signal }).catch(
      () => 'in time' as const,
    );
    const result = await Promise.race([running.ended, late]);
    timer.abort();
    if (typeof result !== 'string') return result;
    const { stdout, stderr } = await running.kill();
    throw new Error(
      `${argv.join(' ')} on ${host.name}: not done in ${timeoutMs * TIME_SCALE} ms\n${stdout}\n${stderr}`,
    );
  }

  /** Ends what is still running here. */
  async killAll(): Promise<void> {
    await Promise.all([...this.#running].map((running) => running.kill()));
  }
}

function environmentOf(user: string, home: string): Record<string, string> {
  const node = process.execPath.slice(0, process.execPath.lastIndexOf('/'));
  return {
    PATH: SYSTEM_PATH.split(':').includes(node) ? SYSTEM_PATH : `${node}:${SYSTEM_PATH}`,
    HOME: home,
    USER: user,
    LOGNAME: user,
    SHELL: '/bin/bash',
    LANG: 'C.UTF-8',
  };
}

function collect(stream: Readable): () => string {
  const chunks: Buffer[] = [];
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  return () => Buffer.concat(chunks).toString();
}

async function says(
  running: RunningCommand,
  text: string | RegExp,
  timeoutMs: number,
  isOver: () => boolean,
): Promise<string> {
  const explain = () => `stdout: ${running.output()}\nstderr: ${running.errors()}`;
  return waitFor(
    `${running.host}: output with ${text}`,
    async () => {
      const over = isOver();
      const said = running.output();
      if (typeof text === 'string' ? said.includes(text) : text.test(said)) return said;
      if (over) throw new Error(`${running.host}: ended without saying ${text}\n${explain()}`);
      return undefined;
    },
    { timeoutMs, everyMs: 30, explain },
  );
}

/** The command's process group at once, and whoever of its descendants left that group. nsenter then ends by itself. */
function killDescendants(pid: number): void {
  const [command] = childrenNow(pid) ?? [];
  const descendants = descendantsOf(pid);
  if (command !== undefined) tryKill(-command, 'SIGKILL');
  for (const descendant of descendants) tryKill(descendant, 'SIGKILL');
}

function descendantsOf(pid: number): number[] {
  return (childrenNow(pid) ?? []).flatMap((child) => [child, ...descendantsOf(child)]);
}

function tryKill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
