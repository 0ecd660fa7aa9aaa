/**
 * The guardian of a node: a shell that waits for the end of its agent, and then becomes `unet node guardian` and cleans the node, unless
 * the agent has said that it did so. It has a session of its own: an agent that is killed, with or without its launcher, may leave a job
 * in which no other agent can be started.
 */
import { once } from 'node:events';
import type { Socket } from 'node:net';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import * as z from 'zod';
import { UnetError } from '../errors.ts';
import { cleanAfterSupervisor } from '../job/clean-after-supervisor.ts';
import { jobPaths } from '../job/layout.ts';
import { spawnDetached } from '../process/detached.ts';
import { childEnvironment } from '../process/environment.ts';
import { ProcessStart, startOf } from '../process/identity.ts';
import { endProcessesIn } from '../process/inside.ts';
import { ownProgram } from '../process/own-program.ts';
import { cleanPlace } from './clean-node.ts';
import { guardianLimitMs, writeGuardian } from './guardian-file.ts';

/** What a guardian knows of its node. */
export const GuardianRequest = z.object({
  jobId: z.string(),
  node: z.string(),
  /** The node's own directory, and this user's node-local one. */
  directory: z.string(),
  root: z.string(),
  /** Milliseconds of make down-v. */
  downMs: z.number().positive(),
  /** Of the node next to the supervisor: the job's files, which a dead supervisor leaves. */
  job: z.object({ directory: z.string(), nonce: z.string() }).optional(),
});
export type GuardianRequest = z.infer<typeof GuardianRequest>;

export type Guardian = {
  /** The node is clean: the guardian ends. */
  release: () => Promise<void>;
};

const RELEASE = 'done';

// The first shell ends at once: Slurm kills a task together with what descends from it (proctrack/linuxproc), and the guardian must not
// descend from the agent. Signals for the job's processes are not for the guardian: the agent answers them.
const SCRIPT = `trap '' HUP INT QUIT ALRM TERM USR1 USR2 XCPU
{
  if read -r word <&3 && [ "$word" = ${RELEASE} ]; then exit 0; fi
  exec "$@" 3<&-
} </dev/null >/dev/null 2>&1 &
echo $!`;

/**
 * Starts the guardian of the node whose directory has just been made. Never rejects: a node without a guardian is cleaned by its agent
 * all the same.
 */
export async function startGuardian(
  request: GuardianRequest,
  env: NodeJS.ProcessEnv,
  onProblem: (message: string) => void,
): Promise<Guardian> {
  const argv = [...ownProgram(), 'node', 'guardian', JSON.stringify(request)];
  const child = spawnDetached(['/bin/sh', '-c', SCRIPT, 'unet-guardian', ...argv], {
    env: childEnvironment(env),
    // Not the node's directory: what works there is ended before the directory goes.
    cwd: '/',
    // Not its standard input, which Node closes when the first shell has ended.
    stdio: ['ignore', 'pipe', 'ignore', 'pipe'],
  });
  const line = child.stdio[3] as Socket;
  line.on('error', () => {}); // EPIPE: it was killed
  line.unref();
  try {
    const [said] = await Promise.all([text(child.stdout as Readable), once(child, 'exit')]);
    const pid = Number(said);
    const identity = ProcessStart.parse({ pid, start: startOf(pid) });
    await writeGuardian(request.directory, identity);
  } catch (error) {
    onProblem(`the node has no guardian: ${UnetError.from(error).message}`);
  }
  return {
    release: () => new Promise((resolve) => void line.end(`${RELEASE}\n`, () => resolve())),
  };
}

/** Cleans the node in place of an agent that has died. Resolves with what could not be removed. */
export async function guard(
  request: GuardianRequest,
  env: NodeJS.ProcessEnv,
): Promise<UnetError | undefined> {
  const { directory, root, downMs, jobId, node, job } = request;
  const limit = setTimeout(() => process.exit(1), guardianLimitMs(downMs));
  try {
    await endProcessesIn(directory);
    const problem = await cleanPlace({ directory, root }, { env, timeoutMs: downMs, node, onLine: () => {} });
    if (job !== undefined) {
      const reason = `the agent of ${node} was killed`;
      await cleanAfterSupervisor(jobPaths(job.directory), { ...job, jobId, keepLogs: true, reason });
    }
    return problem;
  } finally {
    clearTimeout(limit);
  }
}
