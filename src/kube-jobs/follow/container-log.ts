/** A container's log, line by line and each line once, also over connections that are cut. */
import { setTimeout as sleep } from 'node:timers/promises';
import { ClusterError } from '../../cluster/index.ts';
import type { Cluster } from '../cluster.ts';

export type ContainerLog = {
  pod: { name: string; namespace: string };
  container: string;
  /** Lines from before are left out: RFC 3339. */
  since: string | undefined;
  /** Whether the container may still say something: then a log that ends is asked for again. */
  isRunning: () => boolean;
  onLine: (line: string) => void;
  signal: AbortSignal;
};

const RETRY_MS = 1000;
// The pod is gone, or may not be read.
const ENDS: readonly string[] = ['Invalid', 'Forbidden', 'NotFound'];

/** Resolves when the log has ended with its container, or `signal` aborts; a log that is not there any more ends it, too. */
export async function followContainerLog(cluster: Cluster, log: ContainerLog): Promise<void> {
  const told = new Told(log.since);
  while (!log.signal.aborted) {
    const asked = log.isRunning();
    try {
      told.again();
      for await (const line of cluster.log(log.pod, log.container, { sinceTime: told.last }, log.signal)) {
        const { stamp, text } = split(line);
        if (told.isNew(stamp)) {
          log.onLine(text);
        }
      }
    } catch (error) {
      if (log.signal.aborted || (ClusterError.isCluster(error) && ENDS.includes(error.reason))) {
        return;
      }
    }
    if (!asked) {
      return;
    }
    await sleep(log.isRunning() ? RETRY_MS : 0, undefined, { signal: log.signal }).catch(() => {});
  }
}

/** Which lines were told. A log that is asked for again begins with lines of the last one's time, for the server with its whole second. */
class Told {
  last: string | undefined;
  private ofLast = 0;
  private toSkip = 0;

  constructor(since: string | undefined) {
    this.last = since;
  }

  again(): void {
    this.toSkip = this.ofLast;
  }

  isNew(stamp: string | undefined): boolean {
    if (stamp === undefined || this.last === undefined || stamp > this.last) {
      this.ofLast = stamp === this.last ? this.ofLast + 1 : 1;
      this.last = stamp ?? this.last;
      this.toSkip = 0;
      return true;
    }
    if (stamp < this.last) {
      return false;
    }
    if (this.toSkip > 0) {
      this.toSkip -= 1;
      return false;
    }
    this.ofLast += 1;
    return true;
  }
}

/** "2026-11-25T12:00:00.123456789Z text", the form of `timestamps=true`. */
function split(line: string): { stamp: string | undefined; text: string } {
  const [, stamp, text] = /^(\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:\d\d)) ?(.*)$/s.exec(line) ?? [];
  return stamp === undefined ? { stamp: undefined, text: line } : { stamp, text: text ?? '' };
}
