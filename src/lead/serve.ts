/** The supervisor's process: the lock, the socket, the signals, and one or several bring-ups of the job. */
import { appendFileSync, existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { UnetError } from '../errors.ts';
import { ensurePrivateDirectory } from '../files/private-directory.ts';
import { removeControl } from '../job/bury.ts';
import { jobPaths } from '../job/layout.ts';
import { readState } from '../job/state.ts';
import type { ControlRequest } from './control.ts';
import { type ControlServer, openControlServer, type Reply } from './control-server.ts';
import { acquireLock } from './lock.ts';
import type { SupervisorRequest } from './request.ts';
import { Supervisor } from './supervisor.ts';

const DOWN_REQUEST_POLL_MS = 1000;

export type ServeOptions = SupervisorRequest & { env: NodeJS.ProcessEnv; signal: AbortSignal };

/** Runs until the cluster is taken away again. False when the job has a supervisor on this host already. */
export async function serve(options: ServeOptions): Promise<boolean> {
  const { allocation, jobDir, signal } = options;
  if (!(await acquireLock(allocation.jobId))) {
    return false;
  }
  const paths = jobPaths(jobDir);
  await ensurePrivateDirectory(jobDir);
  await ensurePrivateDirectory(paths.logs);
  // Meant for a supervisor that has died since.
  await rm(paths.downRequest, { force: true });
  const note = (line: string) => {
    try {
      appendFileSync(paths.supervisorLog, `${new Date().toISOString()} ${line}\n`, { mode: 0o600 });
    } catch {
      // A full disk must not end a running cluster.
    }
  };
  const supervisor = new Supervisor({ ...options, note }, ((await readState(paths.state))?.epoch ?? 0) + 1);
  supervisor.events.subscribe((event) => note(JSON.stringify(event)));
  const control = await openControlServer(allocation.jobId, (request, reply) =>
    answer(supervisor, request, reply),
  );
  const polling = setInterval(() => {
    if (existsSync(paths.downRequest)) {
      void supervisor.stop('asked for on another host');
    }
  }, DOWN_REQUEST_POLL_MS);
  const onSignal = () => void supervisor.stop(signalReason(signal));
  signal.addEventListener('abort', onSignal, { once: true });
  try {
    await supervisor.start(control.path);
  } catch (error) {
    note(`the bring-up could not be started: ${UnetError.from(error).message}`);
    supervisor.fail(UnetError.from(error));
  }
  await supervisor.over;
  clearInterval(polling);
  await close(control, allocation.jobId);
  return true;
}

function answer(supervisor: Supervisor, request: ControlRequest, reply: Reply): void {
  if (request.type === 'resume') {
    supervisor.resume();
  } else if (request.type === 'down') {
    void supervisor.stop(request.reason);
  }
  const { events, lastSeq } = supervisor.introduction();
  for (const event of events) {
    reply.send(event);
  }
  reply.onClose(supervisor.events.subscribe((event) => reply.send(event), { afterSeq: lastSeq }));
}

async function close(control: ControlServer, jobId: string): Promise<void> {
  await control.close();
  await removeControl(jobId);
}

function signalReason(signal: AbortSignal): string {
  return UnetError.is(signal.reason) ? signal.reason.message : String(signal.reason);
}
