/** A host with a real podman for one kind of user, with storage of its own, gone after the tests. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { processesOf, procFile, until } from '../process/scratch.ts';
import { PATH } from './describe-containers.ts';
import { CHANGES, makeRootfs } from './node-image.ts';
import { NODE_IMAGE, writeRelease } from './release.ts';

const CHECKOUT = join(import.meta.dirname, '../..');

export type Ran = { code: number | null; stdout: string; stderr: string };

// In a mount namespace of its own: an ordinary user may open these devices then, whatever the machine says.
const AS_USER = `set -e
mkdir -p "$DIRECTORY/dev"
for device in "net/tun 10 200" "fuse 10 229"; do
  set -- $device "$@"
  file="$DIRECTORY/dev/$(basename "$1")"
  [ -e "$file" ] || { mknod "$file" c "$2" "$3"; chmod 666 "$file"; }
  [ ! -e "/dev/$1" ] || mount --bind "$file" "/dev/$1"
  shift 3
done
cd "$HOME"
exec setpriv --reuid "$USER" --regid "$USER" --init-groups "$@"
`;

export class Host {
  readonly directory: string;
  readonly home: string;
  readonly release: string;
  /** Of the nodes that were looked at. */
  readonly #subnets = new Set<string>();
  readonly #runtimes = new Set<string>();
  readonly #kind: 'rootful' | 'rootless';
  readonly #user: string;

  private constructor(kind: 'rootful' | 'rootless') {
    this.#kind = kind;
    // Not below TMPDIR, whose path may be long: sockets are made in it.
    this.directory = mkdtempSync('/tmp/unet-ct-');
    chmodSync(this.directory, 0o755);
    this.home = join(this.directory, 'home');
    this.release = join(this.directory, 'release');
    this.#user = kind === 'rootful' ? 'root' : `unetct${process.pid}`;
  }

  static async create(kind: 'rootful' | 'rootless'): Promise<Host> {
    const host = new Host(kind);
    if (kind === 'rootless') {
      execFileSync('useradd', [
        '--no-create-home',
        '--home-dir',
        host.home,
        '--shell',
        '/bin/bash',
        host.#user,
      ]);
      host.#giveSubordinateIds();
    }
    const { uid, gid } = host.#ids();
    for (const name of ['home', 'tmp', 'jobs', 'node']) {
      mkdirSync(join(host.directory, name), { mode: 0o700 });
      chownSync(join(host.directory, name), uid, gid);
    }
    writeFileSync(join(host.directory, 'storage.conf'), storageConf(host.directory, kind));
    writeFileSync(join(host.directory, 'containers.conf'), containersConf());
    for (const name of ['bin', 'dist', 'package.json']) {
      cpSync(join(CHECKOUT, name), join(host.directory, 'unet', name), { recursive: true });
    }
    writeRelease(host.release);
    const rootfs = makeRootfs(host.directory);
    execFileSync('chmod', ['-R', 'a+rX', `${host.directory}/unet`, host.release, rootfs]);
    const changes = CHANGES.flatMap((change) => ['--change', change]);
    const imported = await host.podman('import', ...changes, rootfs, NODE_IMAGE);
    if (imported.code !== 0) {
      throw new Error(`podman import: ${imported.stderr}`);
    }
    rmSync(rootfs);
    return host;
  }

  /** The name of a cluster of this host: another run of the tests may be at work beside it. */
  name(name: string): string {
    return `${name}-${this.directory.slice(-6).toLowerCase()}`;
  }

  /** The job id of a cluster. */
  job(name: string): string {
    return `local-${this.name(name)}`;
  }

  get env(): Record<string, string> {
    return {
      PATH,
      HOME: this.home,
      USER: this.#user,
      DIRECTORY: this.directory,
      TMPDIR: join(this.directory, 'tmp'),
      CONTAINERS_CONF: join(this.directory, 'containers.conf'),
      CONTAINERS_STORAGE_CONF: join(this.directory, 'storage.conf'),
      UNET_ALLOCATION: 'local',
      UNET_NODES: '1',
      UNET_ENGINE: 'podman',
      UNET_RELEASE: this.release,
      UNET_JOB_DIR: join(this.directory, 'jobs'),
      UNET_NODE_DIR: join(this.directory, 'node'),
      UNET_OUTPUT: 'plain',
      // A job at its end has none, or one of a session that is over.
      XDG_RUNTIME_DIR: '/run/user/0/gone',
    };
  }

  /** Runs it as this host's user. */
  async run(argv: readonly string[], env: Record<string, string> = {}): Promise<Ran> {
    const words =
      this.#kind === 'rootful' ? argv : ['unshare', '--mount', 'sh', '-c', AS_USER, 'sh', ...argv];
    const [file = '', ...args] = words;
    const child = spawn(file, args, {
      env: { ...this.env, ...env },
      cwd: this.home,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const [stdout, stderr, [code]] = await Promise.all([
      text(child.stdout),
      text(child.stderr),
      once(child, 'close'),
    ]);
    return { stdout, stderr, code: code as number | null };
  }

  unet(name: string, ...args: string[]): Promise<Ran> {
    return this.run([process.execPath, join(this.directory, 'unet/bin/unet.js'), ...args], {
      UNET_NAME: this.name(name),
    });
  }

  /** Podman with the host's own storage, or that of a job's node. */
  podman(...args: string[]): Promise<Ran> {
    return this.run(['podman', ...args], { XDG_RUNTIME_DIR: '' });
  }

  /** The only container of a job's node, as `podman inspect` has it. */
  async inspect(name: string, node = 'node-0') {
    const { stdout } = await this.podman(
      'ps',
      '-aq',
      '--filter',
      `label=unet.job=${this.job(name)}`,
      '--filter',
      `label=unet.node=${node}`,
    );
    const ids = stdout.trim().split('\n');
    if (ids.length !== 1 || ids[0] === '') {
      throw new Error(`not one container of ${name} ${node}: ${stdout}`);
    }
    return JSON.parse((await this.podman('inspect', ids[0] ?? '')).stdout)[0];
  }

  /** A command in a node, through the wrapper that unet wrote. */
  async exec(name: string, node: string, ...argv: string[]): Promise<Ran> {
    const { variables } = this.record(name, node);
    return await this.run([variables.COMPOSE ?? '', 'exec', '-T', 'node', ...argv], variables);
  }

  record(
    name: string,
    node = 'node-0',
  ): { pid: number; variables: Record<string, string>; storage?: { graph: string; runtime: string } } {
    const record = JSON.parse(readFileSync(join(this.nodeDirectory(name, node), 'node.json'), 'utf8'));
    this.#subnets.add(record.variables.NODE_SUBNET);
    this.#runtimes.add(record.storage?.runtime ?? `${this.directory}/none`);
    return record;
  }

  nodeDirectory(name: string, node = 'node-0'): string {
    return join(this.#nodes(), this.job(name), node);
  }

  /** What is left of all jobs: in podman, on the disk, and as processes. */
  async left(): Promise<string[]> {
    const listed = async (kind: string, ...argv: string[]) =>
      (await this.podman(...argv)).stdout
        .split('\n')
        .flatMap((line) => (line === '' ? [] : [`${kind} ${line}`]));
    const objects = await Promise.all([
      listed('container', 'ps', '-a', '--format', '{{.Names}}'),
      listed('pod', 'pod', 'ps', '--format', '{{.Name}}'),
      listed('volume', 'volume', 'ls', '-q'),
      listed('network', 'network', 'ls', '-q', '--filter', 'label=unet.job'),
    ]);
    const files = ['node', 'jobs'].flatMap((name) =>
      readdirSync(join(this.directory, name)).map((path) => `${name}/${path}`),
    );
    const runtimes = [...this.#runtimes].filter((path) => existsSync(path));
    return [...objects.flat(), ...files, ...this.#processes(), ...this.#bridges(), ...runtimes];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.podman('rm', '-fa', '-t', '0');
    const graph = join(this.directory, this.#kind === 'rootless' ? 'home/graph' : 'graph');
    if (this.#kind === 'rootless') {
      await this.podman('unshare', 'rm', '-rf', graph);
    }
    for (const pid of processesOf(this.directory)) {
      process.kill(pid, 'SIGKILL');
    }
    await until(() => processesOf(this.directory).length === 0);
    const mounted = readFileSync('/proc/self/mountinfo', 'utf8')
      .split('\n')
      .map((line) => line.split(' ')[4] ?? '');
    for (const path of mounted.filter((one) => one.startsWith(`${this.directory}/`)).reverse()) {
      execFileSync('umount', [path]);
    }
    if (this.#kind === 'rootless') {
      execFileSync('userdel', [this.#user], { stdio: 'ignore' });
    }
    rmSync(this.directory, { recursive: true, force: true, maxRetries: 5 });
  }

  #nodes(): string {
    return join(this.directory, 'node', `unet-${this.#ids().uid}`);
  }

  /** Command lines of processes that name this host; podman's pause process of the host's own storage does not. */
  #processes(): string[] {
    return processesOf(this.directory)
      .map((pid) => [pid, procFile(pid, 'cmdline').replaceAll('\0', ' ')] as const)
      .filter(([, command]) => command !== '')
      .map(([pid, command]) => `process ${pid} ${command}`)
      .filter((line) => !/ (catatonit -P|podman pause) ?$/.test(line.trimEnd()));
  }

  /** Bridges that rootful podman makes on the machine itself. */
  #bridges(): string[] {
    const addresses = execFileSync('ip', ['-br', '-4', 'addr'], { encoding: 'utf8', env: { PATH } }).split(
      '\n',
    );
    const gateways = [...this.#subnets].map((subnet) => subnet.replace('.0/24', '.1/24'));
    return addresses.filter((line) => gateways.some((gateway) => line.includes(` ${gateway}`)));
  }

  #ids(): { uid: number; gid: number } {
    const id = (flag: string) => Number(execFileSync('id', [flag, this.#user], { encoding: 'utf8' }));
    return { uid: id('-u'), gid: id('-g') };
  }

  /** useradd(8) gives them where login.defs says so. */
  #giveSubordinateIds(): void {
    for (const [file, flag] of [
      ['/etc/subuid', '--add-subuids'],
      ['/etc/subgid', '--add-subgids'],
    ] as const) {
      const lines = existsSync(file) ? readFileSync(file, 'utf8') : '';
      if (!lines.includes(`${this.#user}:`)) {
        execFileSync('usermod', [flag, '524288-589823', this.#user]);
      }
    }
  }
}

function storageConf(directory: string, kind: 'rootful' | 'rootless'): string {
  const graph = join(directory, kind === 'rootless' ? 'home/graph' : 'graph');
  return `[storage]\ndriver = "overlay"\ngraphroot = "${graph}"\nrootless_storage_path = "${graph}"\nrunroot = "${directory}/run"\n`;
}

/** Limits as this process has them: without CAP_SYS_RESOURCE podman may not raise its own. */
function containersConf(): string {
  const limit = (name: string) =>
    execFileSync('bash', ['-c', `ulimit -H${name}`], { encoding: 'utf8' }).trim();
  const runc = execFileSync('sh', ['-c', 'command -v runc'], { encoding: 'utf8', env: { PATH } }).trim();
  const files = Math.min(Number(limit('n')) || 20_000, 20_000);
  return `[containers]\ndefault_ulimits = ["nofile=${files}:${files}", "nproc=4096:4096"]\n[engine]\ncgroup_manager = "cgroupfs"\nruntime = "runc"\n[engine.runtimes]\nrunc = ["${runc}"]\n`;
}
