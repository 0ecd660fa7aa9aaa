/** A watch that goes on: after a cut connection from where it was, after 410 Gone from a new list. */
import { setTimeout as sleep } from 'node:timers/promises';
import { answerError, ClusterError } from '../errors.ts';
import type { HttpClient } from '../http.ts';
import { splitLines } from '../lines.ts';
import type { KubernetesObject } from './objects.ts';

export type WatchEvent = {
  type: 'ADDED' | 'MODIFIED' | 'DELETED';
  object: KubernetesObject;
};

export type WatchOptions = {
  labelSelector?: string | undefined;
  fieldSelector?: string | undefined;
  /** The revision after which changes are told. Without it: first what is there, as ADDED, then the changes. */
  resourceVersion?: string | undefined;
  /** Called when all that was there at first has been told. */
  onListed?: (() => void) | undefined;
  signal?: AbortSignal | undefined;
};

export type WatchSource = {
  http: HttpClient;
  path: string;
  what: string;
  list: () => Promise<{ items: KubernetesObject[]; resourceVersion: string }>;
  options: WatchOptions;
};

/** Between two connections that end at once, in milliseconds: doubled up to the second. */
const PAUSE_MS = 100;
const MAX_PAUSE_MS = 10_000;

/** A server ends a watch by itself after some minutes; asked for, so that a lost connection is not waited for longer. */
const WATCH_SECONDS = 290;

type Known = Map<string, KubernetesObject>;

/**
 * The events of a watch, for as long as the consumer wants them. After 410 Gone what has changed meanwhile is told by comparing: what is
 * gone as DELETED, as far as this watch has seen it.
 *
 * @throws ClusterError when the server refuses the watch (401, 403, 404 of the kind), or cannot be reached in the end
 */
export async function* watchResource(source: WatchSource): AsyncGenerator<WatchEvent> {
  const { options } = source;
  const { signal } = options;
  const known: Known = new Map();
  let version = options.resourceVersion;
  let pauseMs = 0;
  while (!signal?.aborted) {
    try {
      if (version === undefined) {
        const list = await source.list();
        yield* differences(known, list.items);
        version = list.resourceVersion;
        options.onListed?.();
      }
      for await (const event of connection(source, version)) {
        pauseMs = 0;
        version = event.object.metadata.resourceVersion ?? version;
        if (event.type === 'BOOKMARK') continue;
        remember(known, event as WatchEvent);
        yield event as WatchEvent;
      }
    } catch (error) {
      if (signal?.aborted) return;
      if (ClusterError.isCluster(error, 'Expired')) version = undefined;
      else if (!isPassing(error)) throw error;
      pauseMs = Math.min(MAX_PAUSE_MS, Math.max(PAUSE_MS, pauseMs * 2));
    }
    if (pauseMs > 0) await sleep(pauseMs, undefined, signal && { signal }).catch(() => {});
  }
}

type RawEvent = { type: WatchEvent['type'] | 'BOOKMARK'; object: KubernetesObject };

async function* connection(
  { http, path, what, options }: WatchSource,
  version: string,
): AsyncGenerator<RawEvent> {
  const { labelSelector, fieldSelector, signal } = options;
  const query = {
    watch: true,
    allowWatchBookmarks: true,
    resourceVersion: version,
    timeoutSeconds: WATCH_SECONDS,
    labelSelector,
    fieldSelector,
  };
  const stream = await http.stream({ method: 'GET', path, query, what, signal });
  try {
    for await (const line of splitLines(stream)) {
      const event = JSON.parse(line) as { type: string; object: KubernetesObject & { code?: number } };
      if (event.type === 'ERROR') throw answerError(what, event.object.code ?? 500, event.object);
      yield event as RawEvent;
    }
  } finally {
    stream.destroy();
  }
}

/** What a new list says beside what was known. */
function* differences(known: Known, items: readonly KubernetesObject[]): Generator<WatchEvent> {
  const present = new Set(items.map(keyOf));
  for (const [key, object] of known) {
    if (!present.has(key)) {
      known.delete(key);
      yield { type: 'DELETED', object };
    }
  }
  for (const object of items) {
    const before = known.get(keyOf(object));
    if (before !== undefined && before.metadata.resourceVersion === object.metadata.resourceVersion) continue;
    known.set(keyOf(object), object);
    yield { type: before === undefined ? 'ADDED' : 'MODIFIED', object };
  }
}

function remember(known: Known, { type, object }: WatchEvent): void {
  if (type === 'DELETED') known.delete(keyOf(object));
  else known.set(keyOf(object), object);
}

function keyOf({ metadata }: KubernetesObject): string {
  return metadata.uid ?? `${metadata.namespace}/${metadata.name}`;
}

/** A cut, a server that is busy or restarts, half a line. */
function isPassing(error: unknown): boolean {
  if (error instanceof SyntaxError) return true;
  if (ClusterError.isCluster(error)) {
    return ['Unreachable', 'Server', 'TooManyRequests', 'Timeout'].includes(error.reason);
  }
  // The stream's own: the connection broke in the middle.
  return (
    error instanceof Error &&
    'code' in error &&
    ['ECONNRESET', 'EPIPE', 'ERR_STREAM_PREMATURE_CLOSE'].includes(String(error.code))
  );
}
