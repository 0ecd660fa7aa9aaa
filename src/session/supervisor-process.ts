/** The supervisor's process, as the command starts it. */
import { randomUUID } from 'node:crypto';
import { closeSync, fstatSync, openSync, readSync, unlinkSync } from 'node:fs';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { spawnDetached } from '../process/detached.ts';
import { childEnvironment } from '../process/environment.ts';
import { ownProgram } from '../process/own-program.ts';
import type { SupervisorRequest } from '../protocol/supervisor-request.ts';

export type SupervisorProcess = {
  pid: number;
  /** What it has printed so far, up to 64 KiB. */
  output: () => string;
};

const MAX_OUTPUT_BYTES = 64 * 1024;

/**
 * Starts a supervisor in a session of its own, with no terminal, and writes `request` to its standard input. It outlives this process.
 *
 * @throws the system error when it cannot be started.
 */
export function startSupervisorProcess(
  request: SupervisorRequest,
  env: NodeJS.ProcessEnv,
): SupervisorProcess {
  const output = openOutput();
  const argv = [...ownProgram(), 'node', 'supervisor'];
  const child = spawnDetached(argv, {
    env: childEnvironment(env, { UNET_CONFIG: undefined }),
    cwd: request.cwd,
    stdio: ['pipe', output ?? 'ignore', output ?? 'ignore'],
  });
  child.on('error', () => {}); // it has no pid then
  child.stdin?.on('error', () => {}); // EPIPE: it has ended, which is noticed otherwise
  if (child.pid === undefined) {
    throw new Error(`${process.execPath} could not be started`);
  }
  child.stdin?.end(JSON.stringify(request));
  // An open pipe must not keep this process alive.
  (child.stdin as Socket | null)?.unref();
  return { pid: child.pid, output: () => (output === undefined ? '' : readOutput(output)) };
}

/**
 * A file without a name: an open file in the job directory on NFS could not be removed with it, and elsewhere no process would remove
 * it. Undefined when the disk is full: the output is lost then.
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
  const bytes = Buffer.alloc(Math.min(fstatSync(output).size, MAX_OUTPUT_BYTES));
  readSync(output, bytes, 0, bytes.length, 0);
  closeSync(output);
  return bytes.toString();
}
