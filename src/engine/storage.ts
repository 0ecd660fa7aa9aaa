/**
 * Node-local storage for podman: its own graph root, run root and runtime directory for one job and node, where the
 * user's are on a shared filesystem. Rootless storage does not work on NFS, and hosts that share one trip over each other.
 */
import { createHash } from 'node:crypto';
import { lstat, mkdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { UnetError } from '../errors.ts';
import { exists } from '../files/exists.ts';
import { homeOf } from '../files/home.ts';
import { networkFilesystem } from '../files/network-filesystem.ts';
import { ensurePrivateDirectory } from '../files/private-directory.ts';
import { writePrivateFile } from '../files/private-file.ts';
import type { Environment } from '../process/environment.ts';
import { lastLines, run } from '../process/run.ts';
import { ownUid } from '../process/user.ts';
import type { Engine } from './engine.ts';
import { findVersion, isAtLeast, type Version } from './version.ts';

export type StorageOptions = {
  jobId: string;
  node: string;
  /** The node's own directory. */
  directory: string;
  env: Environment;
  timeoutMs: number;
  signal: AbortSignal;
};

/** What podman is told, and what a teardown has to remove beside the node's directory. */
export type JobStorage = { variables: Environment; graph: string; driver: string };

// podman 5.8 warns; 5.4 does not, and takes graphroot of a user's own storage.conf as well.
const WITHOUT_ROOTLESS_PATH: Version = [5, 8];

type Driver = { driver: string; options: string };

/** A runtime directory of this job's own. Its path is short, since podman makes sockets below it. */
export function runtimeDirectory(jobId: string, node: string): string {
  const hash = createHash('sha256').update(`${jobId}/${node}`).digest('hex').slice(0, 8);
  return join('/tmp', `unet-${ownUid()}`, `r-${hash}`);
}

/**
 * `env`, without an XDG_RUNTIME_DIR that rootless podman could not use: it may outlive its session in a batch job. Podman fails with
 * it, and finds a place of its own where the variable is empty. The same object where nothing is wrong.
 */
export async function withUsableRuntimeDirectory<T extends NodeJS.ProcessEnv>(env: T): Promise<T> {
  const path = env.XDG_RUNTIME_DIR ?? '';
  if (path === '' || process.geteuid?.() === 0) {
    return env;
  }
  const stats = await lstat(path).catch(() => undefined);
  const isUsable = stats?.isDirectory() === true && stats.uid === process.geteuid?.();
  return isUsable ? env : { ...env, XDG_RUNTIME_DIR: '' };
}

/**
 * Why this engine gets storage of the job's own; undefined: it keeps what the site has.
 *
 * @throws UnetError UNET_OVERRIDE_REFUSED when it cannot.
 */
export async function whyJobStorage(
  wanted: 'auto' | 'site' | 'job',
  engine: Engine,
  env: Environment,
): Promise<string | undefined> {
  if (engine.type !== 'podman') {
    if (wanted === 'job') {
      throw new UnetError(
        'UNET_OVERRIDE_REFUSED',
        `--storage job: the storage of ${engine.name} is its daemon's`,
        {
          fatal: true,
          remedy: 'use podman, or configure the daemon to keep its data on a local disk',
        },
      );
    }
    return undefined;
  }
  if (wanted !== 'auto') {
    return wanted === 'job' ? 'asked for' : undefined;
  }
  // Podman may not even say where it is: overlay on NFS is an error of every command.
  const graphRoot = engine.facts?.store?.graphRoot ?? defaultGraphRoot(env);
  const filesystem = await networkFilesystem(graphRoot);
  return filesystem === undefined ? undefined : `${graphRoot} is on ${filesystem}`;
}

/** Of a user, see containers-storage.conf(5). */
function defaultGraphRoot(env: Environment): string {
  const data = env.XDG_DATA_HOME ?? join(homeOf(env) ?? '/nonexistent', '.local', 'share');
  return join(data, 'containers', 'storage');
}

/** Where it is, and how podman is told. */
export function jobStorage({ jobId, node, directory }: { jobId: string; node: string; directory: string }) {
  const base = join(directory, 'storage');
  const runtime = runtimeDirectory(jobId, node);
  return {
    base,
    graph: join(base, 'graph'),
    runtime,
    variables: { CONTAINERS_STORAGE_CONF: join(base, 'storage.conf'), XDG_RUNTIME_DIR: runtime },
  };
}

/**
 * Sets it up below the node's directory, with the first storage driver that podman can work with there.
 *
 * @throws UnetError UNET_ENGINE_FAILED when none works.
 */
export async function makeStorage(engine: Engine, options: StorageOptions): Promise<JobStorage> {
  const { base, graph, runtime, variables: own } = jobStorage(options);
  for (const path of [base, graph, runtime]) {
    await ensurePrivateDirectory(path);
  }
  const variables: Environment = {
    ...own,
    XDG_CONFIG_HOME: await ownConfigHome(base, options.env),
    ...(await registryLogins(options.env)),
  };
  const tried: string[] = [];
  const isOld = await needsRootlessPath(engine, options);
  for (const candidate of await drivers()) {
    const text = storageConf(candidate, { graph, runRoot: join(base, 'run'), isOld });
    await writePrivateFile(join(base, 'storage.conf'), text);
    const result = await run([...engine.command, 'info', '--format', '{{.Store.GraphDriverName}}'], {
      env: { ...options.env, ...variables },
      timeoutMs: options.timeoutMs,
      signal: options.signal,
    });
    options.signal.throwIfAborted();
    if (result.exitCode === 0) {
      return { variables, graph, driver: result.stdout.trim() };
    }
    tried.push(`${candidate.driver}: ${lastLines(result.stderr, 1).join('')}`);
  }
  throw new UnetError('UNET_ENGINE_FAILED', `no podman storage driver works in ${base}`, {
    fatal: true,
    tail: tried,
    remedy: 'choose another local directory with --node-dir, or use --storage site',
  });
}

/** Rootless overlay needs a kernel from 5.13 on or fuse-overlayfs; vfs works anywhere, with a copy for each layer. */
async function drivers(): Promise<Driver[]> {
  const fuse = '/usr/bin/fuse-overlayfs';
  const withFuse = {
    driver: 'overlay',
    options: `[storage.options.overlay]\nmount_program = ${toml(fuse)}\n`,
  };
  return [
    { driver: 'overlay', options: '' },
    ...((await exists(fuse)) ? [withFuse] : []),
    { driver: 'vfs', options: '' },
  ];
}

/** Older ones take a user's graph root from rootless_storage_path only; newer ones warn of it beside graphroot, with every command. */
async function needsRootlessPath(
  engine: Engine,
  { env, timeoutMs, signal }: StorageOptions,
): Promise<boolean> {
  const { stdout } = await run([...engine.command, '--version'], { env, timeoutMs, signal });
  const found = findVersion(stdout);
  return found === undefined || !isAtLeast(found.version, WITHOUT_ROOTLESS_PATH);
}

function storageConf(
  { driver, options }: Driver,
  { graph, runRoot, isOld }: { graph: string; runRoot: string; isOld: boolean },
): string {
  return `# Written by unet: storage of one job and node. It goes with the node.
[storage]
driver = ${toml(driver)}
graphroot = ${toml(graph)}
${isOld ? `rootless_storage_path = ${toml(graph)}\n` : ''}runroot = ${toml(runRoot)}
${options}`;
}

/**
 * CNI's network files are below XDG_CONFIG_HOME, which hosts may share: the same subnet on two of them would be refused.
 * The user's own settings stay where they are, by a link.
 */
async function ownConfigHome(base: string, env: Environment): Promise<string> {
  const own = join(base, 'config');
  await mkdir(own, { mode: 0o700, recursive: true });
  const site = join(env.XDG_CONFIG_HOME ?? join(homeOf(env) ?? '/nonexistent', '.config'), 'containers');
  if (await exists(site)) {
    await symlink(site, join(own, 'containers')).catch(() => {}); // It is there from an earlier try.
  }
  return own;
}

/** Logins to registries are below XDG_RUNTIME_DIR, see containers-auth.json(5). */
async function registryLogins(env: Environment): Promise<Environment> {
  const file =
    env.REGISTRY_AUTH_FILE ?? join(env.XDG_RUNTIME_DIR ?? '/nonexistent', 'containers', 'auth.json');
  return (await exists(file)) ? { REGISTRY_AUTH_FILE: file } : {};
}

/** A basic string of TOML, whose escapes JSON's are. */
function toml(text: string): string {
  return JSON.stringify(text);
}
