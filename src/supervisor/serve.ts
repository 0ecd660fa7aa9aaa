/** The supervisor's process: the lock, the socket, the signals, and one or several bring-ups of the job. */
import '../process/jitless.ts';
import { appendFile, readdir, rm } from 'node:fs/promises';
import { basename } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Claim } from '../cache/claim.ts';
import { UnetError } from '../errors.ts';
import { ensurePrivateDirectory } from '../files/private-directory.ts';
import { type JobPaths, jobPaths } from '../job/layout.ts';
import { removeControl, removeUnusedJob } from '../job/remove-job.ts';
import { findState } from '../launch/find-state.ts';
import { coalescing } from '../process/coalescing.ts';
import { redact } from '../process/redact.ts';
import type { ControlRequest } from '../protocol/control.ts';
import type { SupervisorRequest } from '../protocol/supervisor-request.ts';
import { openAllocation } from '../scheduler/registry.ts';
import { claimJob } from './claim-job.ts';
import { type ControlServer, openControlServer, type Reply } from './control-server.ts';
import { acquireLock } from './lock.ts';
import { downAtScriptEnd } from './script-end.ts';
import { Supervisor } from './supervisor.ts';

const DOWN_REQUEST_POLL_MS = 1000;
const LOCK_TIMEOUT_MS = 5000;
/** The command that started this supervisor asks for its events at once, unless it has been killed. */
const FIRST_REQUEST_MS = 5000;

export type ServeOptions = SupervisorRequest & { env: NodeJS.ProcessEnv; signal: AbortSignal };

/** Runs until the cluster is taken away again. False when the job has a supervisor already, on this host or another. */
export async function serve(options: ServeOptions): Promise<boolean> {
  const { allocation, jobDir, signal } = options;
  const paths = jobPaths(jobDir);
  let locked = false;
  let ownership: Claim | undefined;
  try {
    locked = await acquireLock(allocation.jobId, LOCK_TIMEOUT_MS, signal);
    if (!locked) {
      return false;
    }
    await ensurePrivateDirectory(jobDir);
    await ensurePrivateDirectory(paths.logs);
    ownership = await claimJob(options, paths, signal);
    if (ownership === undefined) {
      await removeControl(allocation.jobId);
      return false;
    }
    await superviseJob(options, paths, ownership);
    return true;
  } catch (error) {
    await ownership?.done();
    if (locked) {
      await removeControl(allocation.jobId);
    }
    await removeUnusedJob(paths);
    throw error;
  }
}

async function superviseJob(options: ServeOptions, paths: JobPaths, ownership: Claim): Promise<void> {
  const { allocation, jobDir, signal } = options;
  // Meant for a supervisor that has died since.
  await rm(paths.downRequest, { force: true });
  const note = createNotes(paths.supervisorLog);
  const before = await findState({ allocation, paths, env: options.env }).catch(() => undefined);
  const scheduler = openAllocation(allocation, options.env);
  const supervisor = new Supervisor({ ...options, note }, scheduler, (before?.state.epoch ?? 0) + 1);
  supervisor.events.subscribe((event) => note(JSON.stringify(event)));
  const control = await openControlServer(allocation.jobId, (request, reply) =>
    answer(supervisor, request, reply),
  );
  const polling = watchDownRequest(paths, () => supervisor.stop('asked for on another host'));
  const onSignal = () => supervisor.stop(signalReason(signal));
  signal.addEventListener('abort', onSignal, { once: true });
  if (signal.aborted) {
    onSignal();
  }
  void downAtScriptEnd(scheduler, allocation, options.settings, jobDir, note);
  try {
    await supervisor.start(control.path);
  } catch (error) {
    note(`the bring-up could not be started: ${UnetError.from(error).message}`);
    supervisor.fail(UnetError.from(error));
  }
  await ownership.done();
  await supervisor.ended;
  clearInterval(polling);
  // One that fails at once would be gone before anybody could ask why.
  await Promise.race([control.firstRequest, sleep(FIRST_REQUEST_MS)]);
  await close(control, allocation.jobId);
}

/**
 * The supervisor's log, written without holding anything up: it may be on a file server that hangs. What comes while it is written to
 * goes into it at once after that. A full disk must not end a running cluster either.
 */
function createNotes(path: string): (line: string) => void {
  let waiting = '';
  const writing = coalescing(async () => {
    const text = waiting;
    waiting = '';
    await appendFile(path, text, { mode: 0o600 }).catch(() => {});
  });
  return (line) => {
    waiting += `${new Date().toISOString()} ${redact(line)}\n`;
    void writing.run();
  };
}

/** Lists the directory, since an NFS client remembers for long that a name was missing. */
function watchDownRequest({ directory, downRequest }: JobPaths, onRequest: () => void): NodeJS.Timeout {
  let looking = false;
  return setInterval(() => {
    if (looking) {
      return; // The file server has not answered the last look.
    }
    looking = true;
    readdir(directory)
      .then((names) => names.includes(basename(downRequest)) && onRequest())
      .catch(() => {})
      .finally(() => {
        looking = false;
      });
  }, DOWN_REQUEST_POLL_MS);
}

function answer(supervisor: Supervisor, request: ControlRequest, reply: Reply): void {
  if (request.type === 'resume') {
    supervisor.resume(request.settings);
  } else if (request.type === 'down') {
    supervisor.stop(request.reason);
  }
  const { events, lastSeq } = supervisor.replay();
  for (const event of events) {
    reply.send(event);
  }
  reply.onClose(supervisor.events.subscribe((event) => reply.send(event), { afterSeq: lastSeq }));
}

async function close(control: ControlServer, jobId: string): Promise<void> {
  // First: a command that sees the connection end may start another supervisor in this very directory.
  await removeControl(jobId);
  await control.close();
}

function signalReason(signal: AbortSignal): string {
  return UnetError.is(signal.reason) ? signal.reason.message : String(signal.reason);
}
