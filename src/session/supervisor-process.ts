/** The supervisor's process, as the command starts it. */
import { randomUUID } from 'node:crypto';
import { fstatSync, openSync, readSync, unlinkSync } from 'node:fs';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import * as z from 'zod';
import { UnetError } from '../errors.ts';
import { ErrorRecord } from '../events/schema.ts';
import { TEMPORARY_DIRECTORIES, temporaryDirectory } from '../files/temporary.ts';
import { spawnDetached } from '../process/detached.ts';
import { childEnvironment } from '../process/environment.ts';
import { ownProgram } from '../process/own-program.ts';
import type { SupervisorRequest } from '../protocol/supervisor-request.ts';

export type SupervisorProcess = {
  pid: number;
  /** What it has printed so far, up to 64 KiB. */
  output: () => string;
  /** Why it could not begin, as it has said itself. */
  failure: () => UnetError | undefined;
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
  const output = openOutput(request.jobDir);
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
  const printed = () => (output === undefined ? '' : readOutput(output));
  return { pid: child.pid, output: printed, failure: () => failureIn(printed()) };
}

/**
 * A file without a name: an open file in the job directory on NFS could not be removed with it, and elsewhere no process would remove
 * it. A disk may be full: then it is in memory. Undefined where there is no place at all: the output is lost then.
 */
function openOutput(jobDir: string): number | undefined {
  for (const directory of new Set([temporaryDirectory(), ...TEMPORARY_DIRECTORIES, jobDir])) {
    const path = join(directory, `unet-${randomUUID()}`);
    try {
      const output = openSync(path, 'wx+', 0o600);
      unlinkSync(path);
      return output;
    } catch {
      // The next one.
    }
  }
  return undefined;
}

const Failure = z.object({ type: z.literal('error'), error: ErrorRecord });

function failureIn(printed: string): UnetError | undefined {
  const line = printed
    .split('\n')
    .reverse()
    .find((text) => text.startsWith('{"type":"error"'));
  try {
    return UnetError.fromRecord(Failure.parse(JSON.parse(line ?? '')).error);
  } catch {
    return undefined; // it has not said one, or was killed meanwhile
  }
}

function readOutput(output: number): string {
  const bytes = Buffer.alloc(Math.min(fstatSync(output).size, MAX_OUTPUT_BYTES));
  readSync(output, bytes, 0, bytes.length, 0);
  return bytes.toString();
}
