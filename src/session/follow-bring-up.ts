/** What `unet up` does: start a supervisor or find one, and follow it until the cluster is usable or has failed. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type ErrorRecord, UnetError } from '../errors.ts';
import type { UnetEvent } from '../events/types.ts';
import { ask, type Job, startSupervisor, supervisedElsewhere } from './job.ts';
import { refuseMissingRelease } from './settings-with-pack.ts';

export type BringUpResult = {
  /** This command started the cluster, so an interrupt takes it away again. */
  started: boolean;
  /** `degraded`: the control plane is up, but nodes are missing. `failed`: nothing is up, or it is retained for inspection. */
  outcome: 'usable' | 'degraded' | 'failed';
  /** Why it is not usable; it was an event, so it has been shown. */
  error?: ErrorRecord;
};

const REMOTE_POLL_MS = 1000;

/**
 * Resolves when the bring-up has come to its end, good or bad.
 *
 * @throws what was no event: no supervisor to be had, or the signal's reason, after the teardown when this command had
 *   started the cluster.
 */
export async function bringUp(
  job: Job,
  onEvent: (event: UnetEvent) => void,
  signal: AbortSignal,
): Promise<BringUpResult> {
  refuseEnded(job);
  refuseTooMany(job);
  const elsewhere = await supervisedElsewhere(job);
  if (elsewhere !== undefined) {
    await followElsewhere(job, signal);
    return { started: false, outcome: 'usable' };
  }
  const { minNodes, timeout, retain } = job.settings;
  const detached = new AbortController();
  const found = await ask(job, { type: 'resume', settings: { minNodes, timeout, retain } }, detached.signal);
  if (found !== undefined) {
    const detach = () => detached.abort();
    signal.addEventListener('abort', detach, { once: true });
    try {
      const end = await follow(found, onEvent);
      if (end.outcome !== 'stopped') {
        return { ...end, outcome: end.outcome, started: false };
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

function refuseEnded({ allocation: { ended, jobId } }: Job): void {
  if (ended === true) {
    throw new UnetError('UNET_NO_ALLOCATION', `${jobId} is over: this shell has outlived its job`, {
      remedy: 'leave this shell, and get another allocation',
    });
  }
}

function refuseTooMany({ allocation, settings: { minNodes = 0 } }: Job): void {
  const { nodes, jobId } = allocation;
  if (minNodes > nodes.length) {
    throw new UnetError(
      'UNET_CONFIG_INVALID',
      `min-nodes is ${minNodes}, and ${jobId} has ${nodes.length === 1 ? 'one node' : `${nodes.length} nodes`}`,
      { remedy: 'ask the scheduler for more nodes, or lower --min-nodes' },
    );
  }
}

async function start(
  job: Job,
  onEvent: (event: UnetEvent) => void,
  signal: AbortSignal,
): Promise<BringUpResult> {
  refuseMissingRelease(job.settings, job.cwd);
  // Not interruptible: a supervisor that we lost sight of could not be told to end.
  const events = await startSupervisor(job).catch(async (error: unknown) => {
    if ((await supervisedElsewhere(job)) === undefined) {
      throw error;
    }
  });
  if (events === undefined) {
    // Somebody on another host was faster, at the same moment.
    await followElsewhere(job, signal);
    return { started: false, outcome: 'usable' };
  }
  const onAbort = () => void askDown(job, signal);
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) {
    onAbort();
  }
  try {
    const end = await follow(events, onEvent);
    signal.throwIfAborted();
    if (end.outcome === 'stopped') {
      throw new UnetError(
        'UNET_INTERRUPTED',
        'the cluster was taken down by another command while it came up',
        { exitCode: 1 },
      );
    }
    return { ...end, outcome: end.outcome, started: true };
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
  // No supervisor to be asked is one that has ended: then the events end too.
  await ask(job, { type: 'down', reason }).catch(() => {});
}

type End = { outcome: 'usable' | 'degraded' | 'failed' | 'stopped'; error?: ErrorRecord };

/** To the end of the bring-up. `stopped`: it was taken away, and no error said why. */
async function follow(events: AsyncIterable<UnetEvent>, onEvent: (event: UnetEvent) => void): Promise<End> {
  let error: ErrorRecord | undefined;
  let ending = false;
  let restarting = false;
  for await (const event of events) {
    onEvent(event);
    if (event.type === 'error') {
      // The one that ended it counts; what the teardown adds is its consequence.
      error = ending ? (error ?? event.error) : event.error;
    } else if (event.type === 'cluster') {
      if (event.phase === 'usable') {
        return { outcome: 'usable' };
      }
      if (event.phase === 'degraded' && error !== undefined) {
        return { outcome: 'degraded', error };
      }
      if (event.retained === true && error !== undefined) {
        return { outcome: 'failed', error };
      }
      ending ||= ['failed', 'stopping', 'stopped'].includes(event.phase);
      restarting ||= event.restarting === true;
    }
  }
  if (!ending) {
    throw new UnetError('UNET_SUPERVISOR', 'the supervisor exited without output', {
      remedy: 'the agents take the cluster away by themselves; "unet up" starts another',
    });
  }
  return error === undefined || restarting ? { outcome: 'stopped' } : { outcome: 'failed', error };
}

/** From another host of the job only the state file can be seen. */
async function followElsewhere(job: Job, signal: AbortSignal): Promise<void> {
  const { timeout } = job.settings;
  const deadline = performance.now() + timeout;
  for (;;) {
    const state = (await supervisedElsewhere(job))?.state;
    if (state?.phase === 'usable') {
      return;
    }
    if (state === undefined || ['failed', 'degraded', 'stopping'].includes(state.phase)) {
      const why = state?.error === undefined ? '' : `: ${state.error.message}`;
      throw new UnetError('UNET_SUPERVISOR', `the cluster is ${state?.phase ?? 'gone'}${why}`, {
        remedy: `its supervisor is on ${state?.supervisor.host ?? 'another host'}; run "unet up" there to try again`,
      });
    }
    if (performance.now() > deadline) {
      const where = `its supervisor is on ${state.supervisor.host}`;
      throw new UnetError('UNET_TIMEOUT', `the cluster was not usable within ${timeout / 1000} s; ${where}`);
    }
    await sleep(REMOTE_POLL_MS, undefined, { signal });
  }
}
