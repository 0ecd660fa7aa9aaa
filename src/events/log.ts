/** The stream of events of one bring-up: numbered, timed, kept for those who follow later. */
import type { EventBody, UnetEvent } from './types.ts';

export type EventLog = {
  /** Numbers, times, keeps and delivers it. */
  emit: (body: EventBody) => UnetEvent;
  /**
   * Calls `listener` with every event kept since `afterSeq` (default: all), at once, and then with each new one.
   * The returned function ends it. A listener that throws is dropped: no follower may stop a bring-up.
   */
  subscribe: (listener: (event: UnetEvent) => void, options?: { afterSeq?: number }) => () => void;
  /** What is kept, oldest first. */
  events: () => readonly UnetEvent[];
};

export type EventLogOptions = {
  /** Milliseconds since the epoch, never going back. The log begins when it is created. */
  now?: () => number;
  /** How many events are kept at most. 256 nodes make about 5000 in a bring-up without trouble. */
  keep?: number;
};

const DEFAULT_KEEP = 20_000;
// What goes first when it gets too much: told once, and of no use to somebody who comes later.
const PASSING = (event: UnetEvent) =>
  event.type === 'warning' ||
  event.type === 'pack' ||
  (event.type === 'step' && (event.state === 'retrying' || event.state === 'started'));
const LASTING = (event: UnetEvent) =>
  event.type === 'plan' || event.type === 'cluster' || event.type === 'summary';

/**
 * An event log.
 *
 *     const log = createEventLog();
 *     const stop = log.subscribe((event) => renderer.event(event));
 *     log.emit({ type: 'cluster', phase: 'bringing-up' });
 */
export function createEventLog({ now = monotonic, keep = DEFAULT_KEEP }: EventLogOptions = {}): EventLog {
  const start = now();
  let kept: UnetEvent[] = [];
  let seq = 0;
  // `next` is the number of the first event that this follower has not had.
  const followers = new Set<{ listener: (event: UnetEvent) => void; next: number }>();
  let delivering = false;

  const deliver = () => {
    // A listener that emits must not make the next follower see the later event first.
    if (delivering) {
      return;
    }
    delivering = true;
    try {
      for (let more = true; more; ) {
        more = false;
        for (const follower of followers) {
          for (const event of kept.slice(firstFrom(kept, follower.next))) {
            follower.next = event.seq + 1;
            more = true;
            try {
              follower.listener(event);
            } catch {
              followers.delete(follower);
              break;
            }
            if (!followers.has(follower)) {
              break;
            }
          }
        }
      }
    } finally {
      delivering = false;
    }
  };

  return {
    emit(body) {
      const moment = now();
      seq += 1;
      const at = Math.max(0, Math.round(moment - start));
      const event: UnetEvent = { ...body, seq, time: new Date(moment).toISOString(), at };
      kept.push(event);
      if (kept.length > keep) {
        kept = thinned(kept, keep);
      }
      deliver();
      return event;
    },
    subscribe(listener, { afterSeq = 0 } = {}) {
      const follower = { listener, next: afterSeq + 1 };
      followers.add(follower);
      deliver();
      return () => void followers.delete(follower);
    },
    events: () => kept,
  };
}

/** Down to three quarters, so that it is not done at every event; the newest always stays. */
function thinned(events: readonly UnetEvent[], keep: number): UnetEvent[] {
  const newest = events.at(-1);
  let surplus = events.length - Math.max(1, Math.floor(keep * 0.75));
  const without = (list: readonly UnetEvent[], goes: (event: UnetEvent) => boolean) =>
    list.filter((event) => {
      const drop = surplus > 0 && event !== newest && goes(event);
      surplus -= drop ? 1 : 0;
      return !drop;
    });
  return without(
    without(without(events, PASSING), (event) => !LASTING(event)),
    (event) => event.type !== 'plan',
  );
}

/** The index of the first event numbered `seq` or later; searched from the end, where followers are. */
function firstFrom(events: readonly UnetEvent[], seq: number): number {
  let index = events.length;
  while (index > 0 && (events[index - 1]?.seq ?? 0) >= seq) {
    index -= 1;
  }
  return index;
}

function monotonic(): number {
  return performance.timeOrigin + performance.now();
}
