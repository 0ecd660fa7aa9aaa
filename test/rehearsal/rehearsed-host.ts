import { spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll } from 'vitest';
import { buildRehearsal } from '../../src/rehearsal/build.js';

/** What a finished command said. */
export interface Finished {
  stdout: string;
  stderr: string;
  code: number | null;
  signal: NodeJS.Signals | null;
}

export interface HostOptions {
  /** NODE_NAME. */
  node: string;
  hostIp?: string;
  subnet?: string;
  project?: string;
  faults?: string;
  /** Put between the temporary directory and the release. */
  below?: string;
}

const scratch = mkdtempSync(path.join(tmpdir(), 'unet-rehearsal-test-'));
const built = path.join(scratch, 'built');
let building: Promise<void> | undefined;
let count = 0;
// Below the slots of unet and the kernel's own; other test files, and other checkouts, look for ports at the same time.
let nextPort = 10_000 + Math.floor(Math.random() * 9000);

/** Ends what is left of this file's daemons, by pid, and removes its files; also after a failure. */
afterAll(() => {
  for (const pid of daemonsBelow(scratch)) process.kill(pid, 'SIGKILL');
  rmSync(scratch, { recursive: true, force: true });
});

/** One host of a test: its own copy of the release, its own free ports. */
export class RehearsedHost {
  readonly directory: string;
  readonly node: string;
  readonly ports: { etcd: number; apiServer: number; kubelet: number; flannel: number };
  faults: string;
  readonly #options: HostOptions;

  private constructor(directory: string, options: HostOptions, ports: number[]) {
    const [etcd = 0, apiServer = 0, kubelet = 0, flannel = 0] = ports;
    this.directory = directory;
    this.node = options.node;
    this.faults = options.faults ?? '';
    this.ports = { etcd, apiServer, kubelet, flannel };
    this.#options = options;
  }

  static async create(options: HostOptions): Promise<RehearsedHost> {
    building ??= buildRehearsal(built);
    await building;
    const directory = path.join(scratch, String(++count), options.below ?? '', 'usernetes');
    cpSync(built, directory, { recursive: true });
    return new RehearsedHost(directory, options, await freePorts(4));
  }

  /** Another host with the same release and ports of its own, as a worker of the first. */
  get environment(): NodeJS.ProcessEnv {
    const { hostIp = '127.0.0.1', subnet = '10.100.23.0/24', project = 'u7s' } = this.#options;
    return {
      PATH: process.env.PATH,
      HOME: scratch,
      COMPOSE_PROJECT_NAME: project,
      HOST_IP: hostIp,
      NODE_NAME: this.node,
      NODE_SUBNET: subnet,
      PORT_ETCD: String(this.ports.etcd),
      PORT_KUBE_APISERVER: String(this.ports.apiServer),
      PORT_KUBELET: String(this.ports.kubelet),
      PORT_FLANNEL: String(this.ports.flannel),
      UNET_REHEARSAL: this.faults,
    };
  }

  /** `make -C DIRECTORY TARGET`. */
  make(...targets: string[]): Promise<Finished> {
    return run('make', ['-C', this.directory, ...targets], this.environment);
  }

  /** `compose exec -T node COMMAND`. */
  exec(...command: string[]): Promise<Finished> {
    return this.compose('exec', '-T', 'node', ...command);
  }

  compose(...words: string[]): Promise<Finished> {
    return run(path.join(this.directory, 'bin/compose'), words, this.environment, this.directory);
  }

  /** `make up`, and until containerd answers. */
  async boot(): Promise<void> {
    mustSucceed(await this.make('up'));
    for (let tries = 0; tries < 200; tries++) if ((await this.exec('ctr', 'version')).code === 0) return;
    throw new Error('the node does not boot');
  }

  /** The whole of a control plane, with a network and a kubeconfig. */
  async lead(): Promise<void> {
    await this.boot();
    for (const target of ['kubeadm-init', 'install-flannel', 'kubeconfig', 'join-command']) {
      mustSucceed(await this.make(target));
    }
  }

  /** Brings the lead's join-command here. */
  takeJoinCommand(lead: RehearsedHost): void {
    cpSync(path.join(lead.directory, 'join-command'), path.join(this.directory, 'join-command'));
  }

  get kubeconfig(): string {
    return path.join(this.directory, 'kubeconfig');
  }

  /** Pids of the daemons of this release directory. */
  daemons(): number[] {
    return daemonsBelow(this.directory);
  }
}

/** Runs a command to its end. */
export async function run(
  file: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  cwd = scratch,
): Promise<Finished> {
  const child = spawn(file, args, { env, cwd, stdio: ['ignore', 'pipe', 'pipe'] });
  const closed = once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>;
  const [stdout, stderr, [code, signal]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    closed,
  ]);
  return { stdout, stderr, code, signal };
}

export function mustSucceed({ code, stdout, stderr }: Finished): void {
  if (code !== 0) throw new Error(`exit code ${code}\n${stdout}${stderr}`);
}

/** Every rehearsed node whose release is below the directory. */
function daemonsBelow(directory: string): number[] {
  return processesWith(
    (argv) => argv.includes('unet-rehearsal-node') && argv.includes(`--directory=${directory}`),
  );
}

/** Pids whose command line (arguments separated by NUL) satisfies the test. */
export function processesWith(test: (argv: string) => boolean): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return test(readFileSync(`/proc/${pid}/cmdline`, 'utf8'));
      } catch {
        return false;
      }
    })
    .map(Number);
}

/** Ports that are free for both protocols, below the range from which the kernel takes its own. */
async function freePorts(wanted: number): Promise<number[]> {
  const found: number[] = [];
  while (found.length < wanted) {
    const port = nextPort++;
    if (await isFree(port)) found.push(port);
  }
  return found;
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  const socket = createSocket('udp4');
  try {
    server.listen(port, '0.0.0.0');
    await once(server, 'listening');
    socket.bind(port, '0.0.0.0');
    await once(socket, 'listening');
    return true;
  } catch {
    return false;
  } finally {
    server.close();
    socket.close();
  }
}
