/** Noticing that a cluster is lost, wholly or in part, while a command works in it. */
import { setTimeout as sleep } from 'node:timers/promises';
import { UnetError } from '../errors.ts';
import type { JobState } from '../job/state.ts';
import { findCluster, type Job } from './job.ts';

/** `cluster`: nothing of it can be used any more. `nodes`: fewer nodes than there were. */
export type Loss = { of: 'cluster' | 'nodes'; message: string };

// The state may be a file on another host's disk: a change is not announced there.
const POLL_MS = 1000;
// A supervisor that lives renews its state every ten seconds.
const RENEWED_MS = 30_000;

const GONE: Record<string, string> = {
  failed: 'the cluster has failed',
  stopping: 'the cluster is being taken down by another command',
  stopped: 'the cluster was taken down by another command',
};

/** Yields each loss once, until the cluster itself is lost or `signal` aborts. */
export async function* watchLoss(job: Job, signal: AbortSignal, renewedMs = RENEWED_MS): AsyncIterable<Loss> {
  const silenceMs = Math.max(job.settings.silence, renewedMs);
  let ready = new Set<string>();
  let alive: { stamp: string | undefined; since: number } = { stamp: '', since: performance.now() };
  while (!signal.aborted) {
    const state = await currentState(job);
    if (state.lost !== undefined) {
      yield { of: 'cluster', message: state.lost };
      return;
    }
    if (state.alive === undefined || state.alive !== alive.stamp) {
      alive = { stamp: state.alive, since: performance.now() };
    } else if (performance.now() - alive.since > silenceMs) {
      const seconds = Math.round(silenceMs / 1000);
      yield {
        of: 'cluster',
        message: `the supervisor has not renewed the state for ${seconds} s; it is stopped or hangs`,
      };
      return;
    }
    const now = new Set(state.nodes.filter(({ phase }) => phase === 'ready').map(({ name }) => name));
    const gone = [...ready].filter((name) => !now.has(name));
    if (gone.length > 0) {
      yield { of: 'nodes', message: gone.map((name) => describeNode(state.nodes, name)).join('; ') };
    }
    ready = now;
    await sleep(POLL_MS, undefined, { signal }).catch(() => {});
  }
}

type Current = { lost: string } | { lost?: undefined; nodes: JobState['nodes']; alive: string | undefined };

async function currentState(job: Job): Promise<Current> {
  try {
    const { state, from } = await findCluster(job);
    const gone = GONE[state.phase];
    if (gone === undefined) {
      // A scheduler's record is not renewed.
      return { nodes: state.nodes, alive: from === 'file' ? state.supervisor.alive : undefined };
    }
    return { lost: state.error === undefined ? gone : `the cluster has failed: ${state.error.message}` };
  } catch (error) {
    if (UnetError.is(error) && error.code === 'UNET_NO_CLUSTER') {
      const { remedy = '' } = error.details;
      const why = remedy.startsWith('the last one ') ? remedy : error.message;
      return { lost: `the cluster is gone: ${why}` };
    }
    throw error;
  }
}

function describeNode(nodes: JobState['nodes'], name: string): string {
  const { phase = 'gone', message } = nodes.find((node) => node.name === name) ?? {};
  return `node ${name} is ${phase}${message === undefined ? '' : `: ${message}`}`;
}
