/**
 * What Flux is told of the job: its state under a key of the instance's KVS, where every node finds it, and a memo on the
 * job that the instance is, for a listing outside. No secrets. See docs/flux.md.
 */
import type { Allocation } from '../allocation/allocation.ts';
import { UnetError } from '../errors.ts';
import { fluxEnvironment } from '../flux/flux.ts';
import { putValue, removeValue } from '../flux/kvs.ts';
import { setMemo } from '../flux/memo.ts';
import { memoKey, recordKey } from '../flux/names.ts';
import type { JobState } from '../job/state.ts';
import { serverUrl } from '../kubernetes/server-url.ts';

export type Publicity = {
  /** The state may have changed: what others would see of it is told, later ones after earlier ones. */
  update: () => void;
  /** Takes all of it back. Repeatable. */
  end: () => Promise<void>;
};

// An instance that is ending answers no more.
const TIMEOUT_MS = 5000;
const NONE: Publicity = { update: () => {}, end: async () => {} };

/** @param onTrouble is told once of each thing that Flux refuses, which is never a reason to fail. */
export function createPublicity(
  { flux, jobId }: Allocation,
  options: {
    name: string;
    env: NodeJS.ProcessEnv;
    read: () => JobState;
    onTrouble: (message: string) => void;
  },
): Publicity {
  if (flux === undefined) {
    return NONE;
  }
  const { env, read, name } = options;
  const own = { env: fluxEnvironment(env, flux.uri), timeoutMs: TIMEOUT_MS };
  const record = createTeller(
    (text) => putValue(recordKey(jobId), text, own),
    () => removeValue(recordKey(jobId), own),
    (message) =>
      options.onTrouble(`the cluster’s state is not in the KVS, so other nodes may not find it: ${message}`),
  );
  const { enclosing } = flux;
  const outside = { env: fluxEnvironment(env, enclosing?.uri), timeoutMs: TIMEOUT_MS };
  const memo = createTeller(
    async (text) => {
      if (enclosing !== undefined) {
        await setMemo(enclosing.jobId, memoKey(name), JSON.parse(text) as object, outside);
      }
    },
    async () => {
      if (enclosing !== undefined) {
        await setMemo(enclosing.jobId, memoKey(name), null, outside);
      }
    },
    (message) => options.onTrouble(`the job has no memo of the cluster: ${message}`),
  );
  return {
    update: () => {
      const state = read();
      record.tell(JSON.stringify(state), JSON.stringify({ ...state, supervisor: undefined }));
      memo.tell(JSON.stringify(memoOf(state)));
    },
    end: async () => {
      await Promise.all([record.end(), memo.end()]);
    },
  };
}

/** Everybody on the system can read it. */
export function memoOf({ phase, lead, nodes, apiServer }: JobState): object {
  const ready = nodes.filter((node) => node.phase === 'ready').length;
  const server = apiServer === undefined ? {} : { server: serverUrl(apiServer) };
  return { phase, lead, nodes: `${ready}/${nodes.length}`, ...server };
}

/** One call at a time, and the last text always told. */
function createTeller(
  put: (text: string) => Promise<void>,
  remove: () => Promise<void>,
  onTrouble: (message: string) => void,
) {
  let turn: Promise<void> = Promise.resolve();
  let waiting: string | undefined;
  let told: string | undefined;
  let ended = false;
  let complained = false;
  const trouble = (error: unknown) => {
    if (!complained) {
      complained = true;
      onTrouble(UnetError.from(error).message);
    }
  };
  const next = async () => {
    const text = waiting;
    waiting = undefined;
    if (text !== undefined && !ended) {
      await put(text).catch(trouble);
    }
  };
  return {
    /** @param essence what has to differ for the text to be told again. */
    tell: (text: string, essence = text) => {
      if (ended || essence === told) {
        return;
      }
      told = essence;
      if (waiting === undefined) {
        turn = turn.then(next);
      }
      waiting = text;
    },
    end: async () => {
      ended = true;
      await turn;
      // Not worth a word: an instance that ends takes it along.
      await remove().catch(() => {});
    },
  };
}
