/** Objects of one kind in one namespace, followed by one list and one watch for all that wait for any of them. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { ClusterError } from '../errors.ts';
import type { Kind, KubernetesObject, ObjectsClient } from './objects.ts';

type Listener = (object: KubernetesObject | undefined, error?: Error) => void;

export type Follower = {
  /**
   * Waits until `done` says so of the object `name`; it is asked for each state that is seen.
   *
   * @throws ClusterError NotFound when there is none, or no longer
   */
  until: <T>(
    name: string,
    done: (object: KubernetesObject) => T | undefined,
    signal: AbortSignal,
  ) => Promise<T>;
  /** Waits until there is no object `name`. */
  untilGone: (name: string, signal: AbortSignal) => Promise<void>;
  /** Takes what is known already, as a creation's answer: a wait for it needs no question. */
  know: (object: KubernetesObject) => void;
  /** Keeps the watch running until the function returned is called: from before an action until its effect is waited for. */
  hold: () => () => void;
  close: () => void;
};

/** The watch runs while there is a wait or a hold. */
export function createFollower(objects: ObjectsClient, kind: Kind): Follower {
  const known = new Map<string, KubernetesObject>();
  const listeners = new Map<string, Set<Listener>>();
  /** Waits that began before the list was asked for: what is not in it is not there. */
  const early = new Map<Listener, string>();
  let isEarly = false;
  let holds = 0;
  let stop: AbortController | undefined;

  const tell = (name: string, object: KubernetesObject | undefined) => {
    for (const listener of listeners.get(name) ?? []) listener(object);
  };
  const know = (object: KubernetesObject) => {
    const before = known.get(object.metadata.name);
    const newer = Number(object.metadata.resourceVersion) > Number(before?.metadata.resourceVersion ?? -1);
    if (before === undefined || newer || before.metadata.uid !== object.metadata.uid) {
      known.set(object.metadata.name, object);
      tell(object.metadata.name, object);
    }
  };
  const onListed = () => {
    const waiting = [...early];
    early.clear();
    for (const [listener, name] of waiting) {
      if (!known.has(name)) listener(undefined);
    }
  };
  const run = async (signal: AbortSignal) => {
    try {
      // All waits that begin in this turn are answered by one list.
      await nextTurn(undefined, { signal });
      isEarly = false;
      for await (const { type, object } of objects.watch(kind, { signal, onListed })) {
        if (type !== 'DELETED') know(object);
        else if (
          known.get(object.metadata.name)?.metadata.uid === object.metadata.uid ||
          !known.has(object.metadata.name)
        ) {
          known.delete(object.metadata.name);
          tell(object.metadata.name, undefined);
        }
      }
    } catch (error) {
      if (signal.aborted) return;
      // The next wait begins a new watch.
      stop = undefined;
      known.clear();
      for (const listener of [...listeners.values()].flatMap((each) => [...each]))
        listener(undefined, error as Error);
    }
  };
  const start = () => {
    if (stop !== undefined) return;
    stop = new AbortController();
    isEarly = true;
    void run(stop.signal);
  };
  const stopUnlessNeeded = () => {
    if (listeners.size > 0 || holds > 0) return;
    stop?.abort();
    stop = undefined;
    early.clear();
    known.clear();
  };
  const subscribe = (name: string, listener: Listener): (() => void) => {
    listeners.set(name, (listeners.get(name) ?? new Set()).add(listener));
    start();
    return () => {
      const own = listeners.get(name);
      own?.delete(listener);
      if (own?.size === 0) listeners.delete(name);
      early.delete(listener);
      stopUnlessNeeded();
    };
  };
  const wait = async <T>(
    name: string,
    decide: (object: KubernetesObject | undefined) => { value: T } | undefined,
    signal: AbortSignal,
  ): Promise<T> => {
    signal.throwIfAborted();
    let unsubscribe = () => {};
    let onAbort = () => {};
    try {
      return await new Promise<T>((resolve, reject) => {
        const consider: Listener = (object, error) => {
          if (error !== undefined) return reject(error);
          try {
            const decision = decide(object);
            if (decision !== undefined) resolve(decision.value);
          } catch (reason) {
            reject(reason);
          }
        };
        onAbort = () => reject(signal.reason);
        signal.addEventListener('abort', onAbort, { once: true });
        unsubscribe = subscribe(name, consider);
        const now = known.get(name);
        if (now !== undefined) consider(now);
        else if (isEarly) early.set(consider, name);
        // The watch may not have told it yet; whether it is there at all, only a question answers.
        else
          objects
            .get(kind, name, { signal })
            .then((object) => (object === null ? consider(undefined) : know(object)), reject);
      });
    } finally {
      signal.removeEventListener('abort', onAbort);
      unsubscribe();
    }
  };
  return {
    know: (object) => {
      // Without a watch nothing would keep it true.
      if (stop !== undefined) know(object);
    },
    hold: () => {
      holds++;
      start();
      return () => {
        holds--;
        stopUnlessNeeded();
      };
    },
    until: (name, done, signal) =>
      wait(
        name,
        (object) => {
          if (object === undefined) {
            throw new ClusterError(
              'NotFound',
              `there is no ${kind.kind} "${name}" in ${kind.namespace ?? 'the cluster'} (any more)`,
            );
          }
          const value = done(object);
          return value === undefined ? undefined : { value };
        },
        signal,
      ),
    untilGone: (name, signal) =>
      wait(name, (object) => (object === undefined ? { value: undefined } : undefined), signal),
    close: () => stop?.abort(),
  };
}
