import { spawn } from 'node:child_process';
import { openSync } from 'node:fs';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { sufferFault, takeItsTime } from '../faults/apply.ts';
import { type Fault, faultOf, parseFaults } from '../faults/grammar.ts';
import { prepareTries } from '../faults/tries.ts';
import { createContainer, imageId } from '../state/container.ts';
import { daemonArguments, findDaemons } from '../state/daemon-process.ts';
import type { Project } from '../state/project.ts';
import { stepStartedAt } from './started.ts';

/** What docker-compose.yaml takes from the environment. */
const variables = [
  'NODE_NAME',
  'NODE_IP',
  'NODE_SUBNET',
  'HOST_IP',
  'PORT_ETCD',
  'PORT_KUBELET',
  'PORT_FLANNEL',
  'PORT_KUBE_APISERVER',
] as const;

/** `up [--build | --no-build] -d`: starts the node's daemon, and returns when its ports are bound. */
export async function up(
  project: Project & { files: string[] },
  flags: ReadonlySet<string>,
  signal: AbortSignal,
): Promise<number> {
  const faultText = process.env.UNET_REHEARSAL ?? '';
  const faults = parseFaults(faultText);
  const missing = variables.find((name) => !process.env[name]);
  if (missing !== undefined) throw new Error(`variable ${missing} is not set: use make up`);
  const node = process.env.NODE_NAME ?? '';
  if (faults.length > 0) prepareTries(project.rehearsalDirectory, node);
  const startedAt = stepStartedAt();
  const fault = faultOf(faults, 'up', node);
  const mode = await sufferFault(fault, { ...project, node, signal });
  // Here, as only `up` needs a YAML parser.
  const { readService } = await import('./service.ts');
  const settings = readService(project, flags.has('--no-build'));
  const container = createContainer(project, node, settings);
  if (flags.has('--build')) printBuild(settings.image);
  process.stdout.write(`${container.podId}\n${container.id}\n`);
  if (mode === 'created') return printStarted(project);
  const trouble =
    mode === undefined ? await startDaemon(project, faultText, fault, startedAt) : failureText(mode);
  await takeItsTime(fault, startedAt, signal);
  if (trouble !== undefined) {
    process.stderr.write(`Error: unable to start container "${container.id}": ${trouble}\n`);
    return 125;
  }
  return printStarted(project);
}

function failureText(mode: string): string {
  if (mode === 'port') return portTaken(process.env.PORT_KUBE_APISERVER ?? '');
  return 'crun: cannot set limits without cgroups: OCI runtime error';
}

/** What rootless podman says when a published port is taken. */
function portTaken(port: string, protocol = 'tcp'): string {
  return `rootlessport listen ${protocol} 0.0.0.0:${port}: bind: address already in use`;
}

/** As podman-compose prints a build with everything in the cache. */
function printBuild(name: string): void {
  const image = imageId();
  const layer = [...image].reverse().join('');
  process.stdout.write(
    [
      'STEP 1/3: FROM docker.io/kindest/node:v1.34.2',
      'STEP 2/3: ADD Dockerfile.d/u7s-entrypoint.sh /',
      `--> Using cache ${layer}`,
      `--> ${layer.slice(0, 11)}`,
      'STEP 3/3: ENTRYPOINT ["/u7s-entrypoint.sh", "/usr/local/bin/entrypoint", "/sbin/init"]',
      `--> Using cache ${image}`,
      `COMMIT ${name.replace(/^localhost\//, '').replace(/:latest$/, '')}`,
      `--> ${image.slice(0, 11)}`,
      `Successfully tagged ${name}`,
      image,
      '',
    ].join('\n'),
  );
}

function printStarted(project: Project): number {
  process.stdout.write(`${project.name}_node_1\n`);
  return 0;
}

/** @returns what went wrong, undefined when the daemon runs */
async function startDaemon(
  project: Project,
  faultText: string,
  { takeMs = 0 }: Fault,
  startedAt: number,
): Promise<string | undefined> {
  if (findDaemons(project).length > 0) return undefined;
  const log = openSync(path.join(project.stateDirectory, 'node.log'), 'a', 0o600);
  const program = fileURLToPath(new URL('./unet-rehearsal-node.mjs', import.meta.url));
  const daemon = spawn(process.execPath, [program, ...daemonArguments(project)], {
    cwd: project.stateDirectory,
    detached: true,
    env: {
      PATH: process.env.PATH ?? '',
      UNET_REHEARSAL: faultText,
      // It boots when `up` is over.
      UNET_REHEARSAL_UP_UNTIL: String(takeMs === 0 ? 0 : startedAt + takeMs),
      ...Object.fromEntries(variables.map((name) => [name, process.env[name] ?? ''])),
    },
    stdio: ['ignore', log, log, 'pipe'],
  });
  const failed = new Promise<string>((resolve) => daemon.once('error', (error) => resolve(error.message)));
  // The daemon says on descriptor 3 that it is up, or why not, and closes it.
  const report = daemon.stdio[3];
  if (report === null || report === undefined || !('readable' in report)) throw new Error('no report pipe');
  const answer = await Promise.race([text(report), failed]);
  daemon.unref();
  if (answer === 'up') return undefined;
  const taken = /^EADDRINUSE (tcp|udp) (\d+)$/.exec(answer);
  if (taken !== null) return portTaken(taken[2] ?? '', taken[1]);
  return answer === '' ? 'the node ended at once, see node.log' : answer;
}
