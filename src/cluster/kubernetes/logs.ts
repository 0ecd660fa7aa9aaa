/** The log of a container, whole or as it is written. */
import { setTimeout as sleep } from 'node:timers/promises';
import { errnoOf } from '../../errors.ts';
import { ClusterError } from '../errors.ts';
import { splitLines } from '../lines.ts';
import type { LogOptions } from '../types.ts';
import type { KubernetesContext } from './connect.ts';
import { createFollower } from './follower.ts';
import { firstContainer, readExecution, runOf } from './job-object.ts';
import type { Kind, KubernetesObject } from './objects.ts';

/** As much as a program can want at once. */
const LOG_MS = 120_000;

export async function readLog(
  { http, objects }: KubernetesContext,
  kind: Kind,
  pod: string,
  options: LogOptions,
): Promise<string> {
  const container = options.container ?? (await defaultContainer({ objects }, kind, pod, options.signal));
  const answer = await http.stream({
    method: 'GET',
    path: `${await objects.path(kind, pod, options.signal)}/log`,
    query: logQuery(options, container),
    accept: '*/*',
    what: `read the log of ${pod}`,
    signal: options.signal,
    timeoutMs: LOG_MS,
  });
  const chunks: Buffer[] = [];
  for await (const chunk of answer as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

/** Before a stream that ended although its container runs is opened again, in milliseconds. */
const REOPEN_MS = 200;

/**
 * Waits until the container has started, then gives its lines. A stream that is cut goes on where it was; a container that is started
 * again is followed.
 */
export async function* followLog(
  context: KubernetesContext,
  kind: Kind,
  pod: string,
  options: LogOptions,
): AsyncGenerator<string> {
  const { objects } = context;
  const signal = options.signal ?? new AbortController().signal;
  const follower = createFollower(objects, kind);
  const position: Position = { seen: undefined, cut: false };
  let wanted = 0;
  try {
    for (let first = true; ; first = false) {
      const object = await follower.until(
        pod,
        (now) => (canBeRead(now, options.container, wanted) ? now : undefined),
        signal,
      );
      const run = runOf(object, options.container);
      if (!first && run.restarts < wanted) return;
      yield* logLines(
        context,
        kind,
        pod,
        { ...logQuery(first ? options : {}, run.container), ...resume(position) },
        position,
        signal,
      );
      const now = await objects.get(kind, pod, { signal });
      if (now === null) return;
      const after = runOf(now, options.container);
      const goesOn = after.restarts === run.restarts && after.running;
      if (!position.cut && !goesOn && isOver(now) && after.restarts === run.restarts) return;
      wanted = position.cut || goesOn ? run.restarts : run.restarts + 1;
      if (position.cut || goesOn) await sleep(REOPEN_MS, undefined, { signal });
    }
  } finally {
    follower.close();
  }
}

/** How far a log has been read: the time of its last line, and whether the connection broke then. */
type Position = { seen: string | undefined; cut: boolean };

/** The API takes whole seconds; what was seen in that second is left out here. */
function resume({ seen }: Position) {
  return {
    follow: true,
    timestamps: true,
    ...(seen !== undefined && { sinceTime: seen.replace(/\.\d+Z$/, 'Z') }),
  };
}

async function* logLines(
  { http, objects }: KubernetesContext,
  kind: Kind,
  pod: string,
  query: Record<string, string | number | boolean | undefined>,
  position: Position,
  signal: AbortSignal,
): AsyncGenerator<string> {
  const path = `${await objects.path(kind, pod, signal)}/log`;
  const what = `follow the log of ${pod}`;
  const stream = await http.stream({ method: 'GET', path, query, accept: '*/*', what, signal });
  const before = position.seen;
  position.cut = true;
  try {
    for await (const line of splitLines(stream)) {
      const at = line.indexOf(' ');
      const time = line.slice(0, at);
      if (before !== undefined && time <= before) continue;
      position.seen = time;
      yield line.slice(at + 1);
    }
    position.cut = false;
  } catch (error) {
    signal.throwIfAborted();
    // A broken connection: the caller looks whether the container still runs, and connects again.
    if (errnoOf(error) === undefined) throw error;
  } finally {
    stream.destroy();
  }
}

function logQuery({ tail, since, previous }: LogOptions, container: string) {
  return { container, tailLines: tail, sinceTime: since?.toISOString(), previous };
}

async function defaultContainer(
  { objects }: Pick<KubernetesContext, 'objects'>,
  kind: Kind,
  pod: string,
  signal: AbortSignal | undefined,
): Promise<string> {
  const object = await objects.get(kind, pod, { signal });
  if (object === null)
    throw new ClusterError('NotFound', `there is no execution "${pod}" in ${kind.namespace}`);
  return firstContainer(object) ?? '';
}

/** Runs, for the time that is wanted or a later one; or will not run any more. */
function canBeRead(object: KubernetesObject, container: string | undefined, wanted: number): boolean {
  if (isOver(object)) return true;
  const { running, restarts } = runOf(object, container);
  return running && restarts >= wanted;
}

function isOver(object: KubernetesObject): boolean {
  return ['done', 'failed'].includes(readExecution(object).status);
}
