import type { ServerResponse } from 'node:http';
import type { Fields, KubeObject } from './objects.ts';
import { groupVersionOf, type ResourceType } from './resource-types.ts';
import type { Selector } from './selectors.ts';
import { StatusError } from './status-error.ts';
import { type Change, type Store, served } from './store.ts';

export interface WatchOptions {
  type: ResourceType;
  namespace: string | undefined;
  selector: Selector;
  /** Empty or "0": begin with what is there. */
  resourceVersion: string;
  bookmarks: boolean;
  /** The list as ADDED events and a marked bookmark (WatchList of newer clients). */
  initialEvents: boolean;
  timeoutSeconds: number | undefined;
  /** Makes the object of an event: itself, or a one-row Table. */
  render: (object: KubeObject) => Fields;
}

/** How often a watch that allows bookmarks gets one, in milliseconds. */
const bookmarkMs = 30_000;

/** Streams changes until the client goes, the time is up or the server stops. */
export function serveWatch(store: Store, options: WatchOptions, response: ServerResponse): void {
  const fromNow = options.resourceVersion === '' || options.resourceVersion === '0' || options.initialEvents;
  const missed = fromNow ? [] : store.changesSince(Number(options.resourceVersion));
  response.writeHead(200, { 'content-type': 'application/json', 'transfer-encoding': 'chunked' });
  response.flushHeaders();
  const send = (type: string, object: Fields) => response.write(`${JSON.stringify({ type, object })}\n`);
  if (missed === undefined) {
    send(
      'ERROR',
      new StatusError(
        410,
        'Expired',
        `too old resource version: ${options.resourceVersion} (${store.revision})`,
      ).toStatus(),
    );
    response.end();
    return;
  }
  if (fromNow) {
    for (const object of store.list(options.type, options.namespace).filter(options.selector)) {
      send('ADDED', options.render(object));
    }
    if (options.initialEvents) send('BOOKMARK', bookmark(options.type, store.revision, true));
  }
  const pass = (change: Change) => {
    const type = typeFor(change, options);
    if (type !== undefined) send(type, options.render(served(options.type, change.object) as KubeObject));
  };
  for (const change of missed) pass(change);
  const unsubscribe = store.subscribe(pass);
  const timers = [
    options.bookmarks &&
      setInterval(() => send('BOOKMARK', bookmark(options.type, store.revision, false)), bookmarkMs),
    options.timeoutSeconds !== undefined && setTimeout(() => response.end(), options.timeoutSeconds * 1000),
  ];
  response.once('close', () => {
    unsubscribe();
    for (const timer of timers) if (timer) clearTimeout(timer);
  });
}

/** An object that starts or stops to match a selector is added or deleted for this watch. */
function typeFor(change: Change, options: WatchOptions): Change['type'] | undefined {
  if (change.resource !== (options.type.storedAs ?? options.type)) return undefined;
  if (options.namespace !== undefined && change.object.metadata.namespace !== options.namespace)
    return undefined;
  const now = change.type !== 'DELETED' && options.selector(change.object);
  const before = change.previous !== undefined && options.selector(change.previous);
  if (now) return before ? 'MODIFIED' : 'ADDED';
  return before ? 'DELETED' : undefined;
}

function bookmark(type: ResourceType, revision: number, initial: boolean): Fields {
  return {
    apiVersion: groupVersionOf(type),
    kind: type.kind,
    metadata: {
      resourceVersion: String(revision),
      creationTimestamp: null,
      ...(initial && { annotations: { 'k8s.io/initial-events-end': 'true' } }),
    },
  };
}
