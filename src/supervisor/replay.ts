/** What somebody who comes now has to see of what has happened. */
import type { ClusterPhase, UnetEvent } from '../events/types.ts';

export type Replay = { events: UnetEvent[]; lastSeq: number };

/** The plan, and the current bring-up or what came of it. */
export function replay(all: readonly UnetEvent[], phase: ClusterPhase): Replay {
  const plan = all.find(({ type }) => type === 'plan');
  const from = bringUpStart(all);
  const current = all.slice(from);
  const lastSeq = all.at(-1)?.seq ?? 0;
  const restart = current.findIndex((event) => event.type === 'cluster' && event.restarting === true);
  if (restart >= 0) {
    // What was retained has been shown, and is over.
    return { events: current.slice(restart), lastSeq };
  }
  if (phase === 'usable' || phase === 'degraded') {
    // What came of it, and not again how.
    const last = current.findLast(({ type }) => type === 'cluster');
    const why = current.findLast(({ type }) => type === 'error');
    const events = [phase === 'degraded' ? why : undefined, last].filter((event) => event !== undefined);
    return { events, lastSeq };
  }
  // Retained until somebody asked to start again: that is over.
  const ending = phase === 'stopping' || phase === 'stopped';
  const news = current.filter((event) => !(event.type === 'cluster' && event.retained && ending));
  const events =
    plan === undefined || news.includes(plan) ? news : [plan, ...readyBefore(all, from), ...news];
  return { events, lastSeq };
}

/** The events of the current bring-up, or the last one: a node that was tried again is measured anew. With the plan. */
export function lastBringUp(all: readonly UnetEvent[]): UnetEvent[] {
  const from = bringUpStart(all);
  return all.filter((event, index) => index >= from || event.type === 'plan');
}

function bringUpStart(all: readonly UnetEvent[]): number {
  return Math.max(
    all.findLastIndex((event) => event.type === 'cluster' && event.phase === 'bringing-up'),
    0,
  );
}

/** The nodes that an earlier bring-up has made Ready: they count, and nothing more is said of them. */
function readyBefore(all: readonly UnetEvent[], from: number): UnetEvent[] {
  const last = new Map<string, UnetEvent & { type: 'node' }>();
  for (const event of all.slice(0, from)) {
    if (event.type === 'node') {
      last.set(event.node, event);
    }
  }
  return [...last.values()].filter(({ phase }) => phase === 'ready');
}
