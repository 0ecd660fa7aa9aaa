/** What `unet up` does: start a supervisor or find one, and follow it until the cluster is usable or has failed. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type ErrorRecord, UnetError } from '../errors.ts';
import type { UnetEvent } from '../events/types.ts';
import { readState } from '../job/state.ts';
import { ask, type Job, startSupervisor, supervisedElsewhere } from './job.ts';

export type BringUpResult = {
  /** This command started the cluster, so an interrupt takes it away again. */
  started: boolean;
  /** Some wanted node is not there, but enough are for the control plane: exit 5. */
  error?: ErrorRecord;
};

const REMOTE_POLL_MS = 1000;

/**
 * Resolves when the cluster is usable, or kept although nodes are missing.
 *
 * @throws the UnetError that ended the bring-up; the signal's reason after the teardown when this command had started it.
 */
export async function bringUp(job: Job, onEvent: (event: UnetEvent) => void, signal: AbortSignal): Promise<BringUpResult> {
  const elsewhere = await supervisedElsewhere(job);
  if (elsewhere !== undefined) {
    await followElsewhere(job, signal);
    return { started: false };
  }
  const detached = new AbortController();
  const found = await ask(job, { type: 'resume' }, detached.signal);
  if (found !== undefined) {
    const detach = () => detached.abort();
    signal.addEventListener('abort', detach, { once: true });
    try {
      const end = await follow(found, onEvent);
      if (end !== 'stopped') {
        return { started: false, ...end };
      }
    } catch (error) {
      // Another command's cluster: an interrupt of ours only ends our looking on.
      signal.throwIfAborted();
      throw error;
    } finally {
      signal.removeEventListener('abort', detach);
    }
    signal.throwIfAborted();
  }
  return await start(job, onEvent, signal);
}

async function start(job: Job, onEvent: (event: UnetEvent) => void, signal: AbortSignal): Promise<BringUpResult> {
  // Not interruptible: a supervisor that we lost sight of could not be told to end.
  const events = await startSupervisor(job);
  const onAbort = () => void askDown(job, signal);
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) {
    onAbort();
  }
  try {
    const end = await follow(events, onEvent);
    if (end === 'stopped') {
      signal.throwIfAborted();
      throw new UnetError('UNET_INTERRUPTED', 'the cluster was taken down by somebody else while it came up', { exitCode: 1 });
    }
    return { started: true, ...end };
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

/** The interrupt's way: ask for `down`; who follows the bring-up sees it through. */
async function askDown(job: Job, signal: AbortSignal): Promise<void> {
  const reason = UnetError.is(signal.reason) ? signal.reason.message : 'interrupted';
  await ask(job, { type: 'down', reason });
}

/** To the end of the bring-up. `stopped`: it was taken away, and no error said why. */
async function follow(events: AsyncIterable<UnetEvent>, onEvent: (event: UnetEvent) => void): Promise<{ error?: ErrorRecord } | 'stopped'> {
  let error: ErrorRecord | undefined;
  let stopped = false;
  for await (const event of events) {
    onEvent(event);
    if (event.type === 'error') {
      // The first one that ends it counts; what the teardown adds is its consequence.
      error = stopped ? (error ?? event.error) : event.error;
    } else if (event.type === 'cluster') {
      if (event.phase === 'usable') {
        return {};
      }
      if (event.phase === 'degraded' && error !== undefined) {
        return { error };
      }
      if (event.phase === 'failed' && event.retained === true) {
        break;
      }
      stopped ||= event.phase === 'stopping' || event.phase === 'stopped' || event.phase === 'failed';
    }
  }
  if (error !== undefined) {
    throw UnetError.fromRecord(error);
  }
  if (stopped) {
    return 'stopped';
  }
  throw new UnetError('UNET_SUPERVISOR', 'the supervisor ended without a word', {
    remedy: 'the agents take the cluster away by themselves; "unet up" starts another',
  });
}

/** From another host of the job only the state file can be seen. */
async function followElsewhere(job: Job, signal: AbortSignal): Promise<void> {
  for (;;) {
    const state = await readState(job.paths.state);
    if (state?.phase === 'usable') {
      return;
    }
    if (state === undefined || state.phase === 'failed' || state.phase === 'stopped' || state.phase === 'degraded') {
      throw new UnetError('UNET_SUPERVISOR', `the cluster is ${state?.phase ?? 'gone'}${state?.error === undefined ? '' : `: ${state.error.message}`}`, {
        remedy: `its supervisor is on ${state?.supervisor.host ?? 'another host'}; run "unet up" there to try again`,
      });
    }
    await sleep(REMOTE_POLL_MS, undefined, { signal });
  }
}
