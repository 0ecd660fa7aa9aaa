/** The log of a container, whole or as it is written. */
import { ClusterError } from '../errors.ts';
import { splitLines } from '../lines.ts';
import type { LogOptions } from '../types.ts';
import type { KubernetesContext } from './connect.ts';
import { createFollower } from './follower.ts';
import { firstContainer, readExecution, restartsOf } from './job-object.ts';
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
  let seen: string | undefined;
  let restarts = -1;
  try {
    for (let round = 0; ; round++) {
      const state = await follower.until(pod, (object) => startedOrOver(object, restarts), signal);
      if (state === 'over' && restarts >= 0) return;
      const object = await objects.get(kind, pod, { signal });
      if (object === null) return;
      const again = restartsOf(object) > restarts;
      if (again) restarts = restartsOf(object);
      const container = options.container ?? firstContainer(object) ?? '';
      // From the second connection on only what is new.
      const { tail: _, ...rest } = options;
      const query = { ...logQuery(round === 0 ? options : rest, container), follow: true, timestamps: true };
      if (seen !== undefined) Object.assign(query, { sinceTime: seen.replace(/\.\d+Z$/, 'Z') });
      for await (const line of logLines(context, kind, pod, query, signal)) {
        const at = line.indexOf(' ');
        const time = line.slice(0, at);
        if (seen !== undefined && time <= seen) continue;
        seen = time;
        yield line.slice(at + 1);
      }
      const now = await objects.get(kind, pod, { signal });
      if (now === null || isOver(now)) {
        // What was written between the cut and the end has come already, unless the connection broke.
        if (now === null || round > 0 || restartsOf(now) === restarts) return;
      }
    }
  } finally {
    follower.close();
  }
}

async function* logLines(
  { http, objects }: KubernetesContext,
  kind: Kind,
  pod: string,
  query: Record<string, string | number | boolean | undefined>,
  signal: AbortSignal,
): AsyncGenerator<string> {
  const stream = await http.stream({
    method: 'GET',
    path: `${await objects.path(kind, pod, signal)}/log`,
    query,
    accept: '*/*',
    what: `follow the log of ${pod}`,
    signal,
  });
  try {
    yield* splitLines(stream);
  } catch (error) {
    signal.throwIfAborted();
    // A broken connection: the caller looks whether the container still runs, and connects again.
    if (!(error instanceof Error && 'code' in error)) throw error;
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

/** A pod that never starts (an image that cannot be pulled) is waited for, as long as the caller likes. */
function startedOrOver(object: KubernetesObject, restarts: number): 'started' | 'over' | undefined {
  if (isOver(object)) return 'over';
  const running = readExecution(object).status === 'running';
  return running && restartsOf(object) >= restarts ? 'started' : undefined;
}

function isOver(object: KubernetesObject): boolean {
  return ['done', 'failed'].includes(readExecution(object).status);
}
