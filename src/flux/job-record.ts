/**
 * The Flux job record: the job's state under a key of the instance's KVS, where every node finds it, and a memo on the job that the
 * instance is, for a listing outside. No secrets. See docs/flux.md.
 */
import { UnetError } from '../errors.ts';
import { JobState } from '../job/state.ts';
import { serverUrl } from '../kubernetes/server-url.ts';
import { coalescing } from '../process/coalescing.ts';
import type { JobRecord, RecordPublisher } from '../scheduler/scheduler.ts';
import type { FluxDetails } from './details.ts';
import { fluxEnvironment } from './flux.ts';
import { getValue, putValue, removeValue } from './kvs.ts';
import { setMemo } from './memo.ts';
import { memoKey, recordKey } from './names.ts';

// An instance that is ending answers no more.
const TIMEOUT_MS = 5000;

export function fluxJobRecord(jobId: string, details: FluxDetails, env: NodeJS.ProcessEnv): JobRecord {
  return {
    publish: (clusterName, read, onTrouble) => publish({ jobId, details, env, clusterName, read, onTrouble }),
    find: async () =>
      parseState(await getValue(recordKey(jobId), { env: fluxEnvironment(env, details.uri) })),
  };
}

export function parseState(text: string | undefined): JobState | undefined {
  try {
    return JobState.safeParse(JSON.parse(text ?? '')).data;
  } catch {
    return undefined;
  }
}

type PublishOptions = {
  jobId: string;
  details: FluxDetails;
  env: NodeJS.ProcessEnv;
  clusterName: string;
  read: () => JobState;
  onTrouble: (message: string) => void;
};

function publish({ jobId, details, env, clusterName, read, onTrouble }: PublishOptions): RecordPublisher {
  const own = { env: fluxEnvironment(env, details.uri), timeoutMs: TIMEOUT_MS };
  const record = createWriter(
    (text) => putValue(recordKey(jobId), text, own),
    () => removeValue(recordKey(jobId), own),
    (message) =>
      onTrouble(`the cluster’s state is not in the KVS, so other nodes may not find it: ${message}`),
  );
  const { enclosing } = details;
  const memo = enclosing === undefined ? undefined : memoOn(enclosing, env, clusterName, onTrouble);
  return {
    update: () => {
      const state = read();
      record.write(JSON.stringify(state), JSON.stringify({ ...state, supervisor: undefined }));
      memo?.update(state);
    },
    end: async () => {
      await Promise.all([record.end(), memo?.end()]);
    },
  };
}

/** In a job that is no instance, whose prolog makes the cluster: only the memo on that job. */
export function fluxMemoRecord(job: EnclosingJob, env: NodeJS.ProcessEnv): JobRecord {
  return {
    publish: (clusterName, read, onTrouble) => {
      const memo = memoOn(job, env, clusterName, onTrouble);
      return { update: () => memo.update(read()), end: memo.end };
    },
    find: async () => undefined,
  };
}

/** A job, and the instance that has it in its listing; without a URI the one that flux finds by itself. */
export type EnclosingJob = { uri: string | undefined; jobId: string };

function memoOn(
  { uri, jobId }: EnclosingJob,
  env: NodeJS.ProcessEnv,
  clusterName: string,
  onTrouble: (message: string) => void,
) {
  const outside = { env: fluxEnvironment(env, uri), timeoutMs: TIMEOUT_MS };
  const set = (value: object | null) => setMemo(jobId, memoKey(clusterName), value, outside);
  const { write, end } = createWriter(
    (text) => set(JSON.parse(text) as object | null),
    () => set(null),
    (message) => onTrouble(`the job has no memo of the cluster: ${message}`),
  );
  return {
    // A job that is over has its last memo for ever: nothing is better than "stopping".
    update: (state: JobState) =>
      write(JSON.stringify(['stopping', 'stopped'].includes(state.phase) ? null : memoOf(state))),
    end,
  };
}

/** Everybody on the system can read it. */
export function memoOf({ phase, lead, nodes, apiServer }: JobState): object {
  const ready = nodes.filter((node) => node.phase === 'ready').length;
  const server = apiServer === undefined ? {} : { server: serverUrl(apiServer) };
  return { phase, lead, nodes: `${ready}/${nodes.length}`, ...server };
}

/** Writes one text after the other; of several that wait, the last. */
function createWriter(
  put: (text: string) => Promise<void>,
  remove: () => Promise<void>,
  onTrouble: (message: string) => void,
) {
  let latest: string | undefined;
  let written: string | undefined;
  let ended = false;
  let complained = false;
  const writing = coalescing(async () => {
    if (latest === undefined || ended) {
      return;
    }
    await put(latest).catch((error: unknown) => {
      if (!complained) {
        complained = true;
        onTrouble(UnetError.from(error).message);
      }
    });
  });
  return {
    /** @param essence what has to differ for the text to be written again. */
    write: (text: string, essence = text) => {
      if (!ended && essence !== written) {
        written = essence;
        latest = text;
        void writing.run();
      }
    },
    end: async () => {
      ended = true;
      await writing.idle();
      // An instance that ends takes the record with it.
      await remove().catch(() => {});
    },
  };
}
