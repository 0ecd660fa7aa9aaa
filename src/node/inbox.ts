/** Messages that have come and are not yet taken: a step may ask for one before or after it arrives. */
import type { ToAgents } from '../protocol/to-agents.ts';

type Kind = ToAgents['type'];
type Of<K extends Kind> = Extract<ToAgents, { type: K }>;
type Waiter = { accepts: (message: ToAgents) => boolean; resolve: (message: ToAgents) => void };

export type Inbox = {
  /** Drops what is waiting of these kinds, and what comes. */
  discard: (...kinds: Kind[]) => void;
  deliver: (message: ToAgents) => void;
  /** The next message of `kind` that `accepts` likes, in order of arrival; rejects with the signal's reason. */
  take: <K extends Kind>(
    kind: K,
    signal: AbortSignal,
    accepts?: (message: Of<K>) => boolean,
  ) => Promise<Of<K>>;
};

export function createInbox(): Inbox {
  let waiting: ToAgents[] = [];
  const discarded = new Set<Kind>();
  const waiters = new Set<Waiter>();
  return {
    discard: (...kinds) => {
      for (const kind of kinds) {
        discarded.add(kind);
      }
      waiting = waiting.filter(({ type }) => !discarded.has(type));
    },
    deliver: (message) => {
      if (discarded.has(message.type)) {
        return;
      }
      for (const waiter of waiters) {
        if (waiter.accepts(message)) {
          waiters.delete(waiter);
          waiter.resolve(message);
          return;
        }
      }
      waiting.push(message);
    },
    take: <K extends Kind>(
      kind: K,
      signal: AbortSignal,
      accepts: (message: Of<K>) => boolean = () => true,
    ) => {
      const wanted = (message: ToAgents): message is Of<K> =>
        message.type === kind && accepts(message as Of<K>);
      const index = waiting.findIndex(wanted);
      if (index >= 0) {
        return Promise.resolve(waiting.splice(index, 1)[0] as Of<K>);
      }
      signal.throwIfAborted();
      return new Promise<Of<K>>((resolve, reject) => {
        const onAbort = () => {
          waiters.delete(waiter);
          reject(signal.reason);
        };
        const waiter: Waiter = {
          accepts: wanted,
          resolve: (message) => {
            signal.removeEventListener('abort', onAbort);
            resolve(message as Of<K>);
          },
        };
        waiters.add(waiter);
        signal.addEventListener('abort', onAbort, { once: true });
      });
    },
  };
}
