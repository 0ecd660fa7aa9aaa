/**
 * The supervisor's process, from before it knows its job: Node starts as slowly as a command line is read and an allocation is
 * looked for, so the two happen at the same time.
 */
import { randomUUID } from 'node:crypto';
import { closeSync, fstatSync, openSync, readSync, unlinkSync } from 'node:fs';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { spawnDetached } from '../process/detached.ts';
import { childEnvironment } from '../process/environment.ts';
import { handedOn } from '../process/handed-on.ts';
import type { SupervisorRequest } from './request.ts';

export type SupervisorProcess = {
  pid: number;
  /** Gives it its job, and lets go of it: it outlives this process. */
  assign: (request: SupervisorRequest) => void;
  /** It is not needed. One that was neither assigned nor dismissed ends when this process does. */
  dismiss: () => void;
  /** What it has printed so far, up to 64 KiB. */
  said: () => string;
};

const SAID_BYTES = 64 * 1024;
// From dist/early.js to the command's own code.
const spare = handedOn<SupervisorProcess>('spare-supervisor');

/**
 * Starts one in a session of its own, with no terminal, that waits for its request on its standard input.
 *
 * @throws the system error when it cannot be started.
 */
export function startSupervisorProcess(
  env: NodeJS.ProcessEnv,
  cwd: string,
  args: readonly string[] = [],
): SupervisorProcess {
  const output = openOutput();
  const argv = [process.execPath, process.argv[1] ?? 'unet', 'node', 'supervisor', ...args];
  const child = spawnDetached(argv, {
    env: childEnvironment(env, { UNET_CONFIG: undefined }),
    cwd,
    stdio: ['pipe', output ?? 'ignore', output ?? 'ignore'],
  });
  child.on('error', () => {}); // it has no pid then
  child.stdin?.on('error', () => {}); // EPIPE: it has ended, which is noticed otherwise
  if (child.pid === undefined) {
    throw new Error(`${process.execPath} could not be started`);
  }
  // Neither does its input keep this process.
  (child.stdin as Socket | null)?.unref();
  return {
    pid: child.pid,
    assign: (request) => void child.stdin?.end(JSON.stringify(request)),
    dismiss: () => {
      child.stdin?.end();
      child.kill('SIGKILL');
    },
    said: () => (output === undefined ? '' : readOutput(output)),
  };
}

/**
 * Starts one for the command that is about to be read. Outside of any allocation the cluster will be on this machine, and it is to
 * start the first agent there, too.
 */
export function startSpare(argv: readonly string[], env: NodeJS.ProcessEnv): void {
  const outside = env.SLURM_JOB_ID === undefined && env.FLUX_URI === undefined;
  const args = outside ? ['--spare-agent', likelyName(argv, env)] : [];
  spare.leave(startSupervisorProcess(env, process.cwd(), args));
}

/** The cluster's name if no file says another; then the agent that was started under this one is not used. */
function likelyName(argv: readonly string[], env: NodeJS.ProcessEnv): string {
  const at = argv.lastIndexOf('--name');
  const joined = argv.findLast((word) => word.startsWith('--name='))?.slice('--name='.length);
  return (at < 0 ? joined : argv[at + 1]) ?? env.UNET_NAME ?? 'default';
}

/** The one that was started early, once. */
export function takeSpare(): SupervisorProcess | undefined {
  return spare.take();
}

/**
 * A file without a name: in the job directory on NFS one that is held open could not be removed with it, and elsewhere nobody
 * would remove it. Undefined where there is no room for one: what is said is lost then.
 */
function openOutput(): number | undefined {
  const path = join(tmpdir(), `unet-${randomUUID()}`);
  try {
    const output = openSync(path, 'wx+', 0o600);
    unlinkSync(path);
    return output;
  } catch {
    return undefined;
  }
}

function readOutput(output: number): string {
  const bytes = Buffer.alloc(Math.min(fstatSync(output).size, SAID_BYTES));
  readSync(output, bytes, 0, bytes.length, 0);
  closeSync(output);
  return bytes.toString();
}
