/** JSON over HTTP with one pool of connections: retries, deadlines, errors that are understood. */
import { type Agent, request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import { request as httpsRequest } from 'node:https';
import pRetry, { AbortError } from 'p-retry';
import { errnoOf } from '../errors.ts';
import { answerError, ClusterError, connectionError } from './errors.ts';

/** How long one answer may take, unless the caller says otherwise, in milliseconds. */
export const REQUEST_MS = 30_000;

/** Tries of a request that may be repeated: about three seconds in all. */
const RETRIES = 4;

export type Query = Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>;

export type HttpRequest = {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  path: string;
  query?: Query;
  body?: unknown;
  contentType?: string;
  accept?: string;
  /** What is done, for errors: `create jobs "sum"`. */
  what: string;
  signal?: AbortSignal | undefined;
  timeoutMs?: number;
  /** Doing it twice is doing it once. Without it: all but POST. */
  repeatable?: boolean;
};

/** The server's address, with the connections and the headers of a request. */
export type Endpoint = {
  /** http(s)://HOST:PORT, with a path where it is behind one. */
  server: string;
  authorize: () => Promise<{ agent: Agent; headers: Record<string, string> }>;
};

export type HttpClient = {
  /** The parsed answer. @throws ClusterError */
  send: (request: HttpRequest) => Promise<unknown>;
  /** An answer that goes on: its body, once its head is there. @throws ClusterError */
  stream: (request: HttpRequest) => Promise<IncomingMessage>;
  /** How many requests were sent so far, for measuring. */
  count: () => number;
};

export function createHttpClient(endpoint: Endpoint): HttpClient {
  let count = 0;
  const open = (request: HttpRequest, signal: AbortSignal) => {
    count++;
    return openRequest(endpoint, request, signal);
  };
  return {
    send: (request) => withRetries(request, (signal) => sendOnce(open, request, signal)),
    stream: (request) => withRetries(request, (signal) => streamOnce(open, request, signal), request.signal),
    count: () => count,
  };
}

type Open = (request: HttpRequest, signal: AbortSignal) => Promise<IncomingMessage>;

async function sendOnce(open: Open, request: HttpRequest, signal: AbortSignal): Promise<unknown> {
  const response = await open(request, signal);
  const text = await readAll(response);
  return text === '' ? undefined : parse(text);
}

/** The head has the deadline of a request; the body lasts until the caller's signal. */
async function streamOnce(open: Open, request: HttpRequest, deadline: AbortSignal): Promise<IncomingMessage> {
  const own = new AbortController();
  const onDeadline = () => own.abort(deadline.reason);
  deadline.addEventListener('abort', onDeadline, { once: true });
  const signal = request.signal === undefined ? own.signal : AbortSignal.any([own.signal, request.signal]);
  try {
    return await open(request, signal);
  } finally {
    deadline.removeEventListener('abort', onDeadline);
  }
}

async function withRetries<T>(
  request: HttpRequest,
  attempt: (signal: AbortSignal) => Promise<T>,
  streaming?: AbortSignal,
): Promise<T> {
  const { signal, timeoutMs = REQUEST_MS, repeatable = request.method !== 'POST' } = request;
  const tries = async () => {
    const deadline = AbortSignal.timeout(timeoutMs);
    try {
      signal?.throwIfAborted();
      return await attempt(
        signal === undefined || streaming !== undefined ? deadline : AbortSignal.any([deadline, signal]),
      );
    } catch (error) {
      if (signal?.aborted) throw new AbortError(asError(signal.reason));
      if (deadline.aborted) {
        throw new AbortError(
          new ClusterError('Timeout', `${request.what}: no answer within ${timeoutMs / 1000} s`, {
            cause: error,
          }),
        );
      }
      if (!ClusterError.isCluster(error)) throw new AbortError(asError(error));
      if (!mayRepeat(error, repeatable)) throw new AbortError(error);
      await pause(error, signal);
      throw error;
    }
  };
  return await pRetry(tries, {
    retries: RETRIES,
    minTimeout: 100,
    factor: 2,
    randomize: true,
    ...(signal && { signal }),
  });
}

/** What was not done, by the server's own word, may be done again by anyone; what may have been, only if that is harmless. */
function mayRepeat(error: ClusterError, repeatable: boolean): boolean {
  if (error.reason === 'TooManyRequests') return true;
  if (error.status === 503 && error.retryAfterMs !== undefined) return true;
  if (error.reason !== 'Unreachable') return false;
  const code = errnoOf(error.cause);
  return code === 'ECONNREFUSED' || (repeatable && (code === 'ECONNRESET' || code === 'EPIPE'));
}

/** The server's Retry-After, where it gave one; at most a minute. */
async function pause({ retryAfterMs }: ClusterError, signal: AbortSignal | undefined): Promise<void> {
  if (retryAfterMs === undefined || retryAfterMs === 0) return;
  await new Promise<void>((resolve) => {
    const timer = setTimeout(done, Math.min(retryAfterMs, 60_000));
    signal?.addEventListener('abort', done, { once: true });
    function done() {
      clearTimeout(timer);
      signal?.removeEventListener('abort', done);
      resolve();
    }
  });
}

/** Resolves with the head of a good answer. */
async function openRequest(
  endpoint: Endpoint,
  request: HttpRequest,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  const url = urlOf(endpoint.server, request);
  const { agent, headers } = await endpoint.authorize();
  const body = request.body === undefined ? undefined : Buffer.from(JSON.stringify(request.body));
  const options: RequestOptions = {
    method: request.method,
    agent,
    signal,
    headers: {
      accept: request.accept ?? 'application/json',
      'user-agent': 'unet',
      ...headers,
      ...(body && {
        'content-type': request.contentType ?? 'application/json',
        'content-length': String(body.length),
      }),
    },
  };
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const sending = (url.protocol === 'https:' ? httpsRequest : httpRequest)(url, options, resolve);
    sending.once('error', (error) =>
      reject(signal.aborted ? error : connectionError(request.what, url.host, error)),
    );
    sending.end(body);
  });
  const status = response.statusCode ?? 500;
  if (status >= 200 && status < 300) return response;
  const answer = parse(await readAll(response));
  throw answerError(request.what, status, answer, response.headers['retry-after']);
}

function urlOf(server: string, { path, query = {} }: HttpRequest): URL {
  const url = new URL(server.replace(/\/$/, '') + path);
  for (const [name, value] of Object.entries(query)) {
    for (const each of Array.isArray(value) ? value : [value]) {
      if (each !== undefined) url.searchParams.append(name, String(each));
    }
  }
  return url;
}

async function readAll(response: IncomingMessage): Promise<string> {
  try {
    const chunks: Buffer[] = [];
    for await (const chunk of response as AsyncIterable<Buffer>) chunks.push(chunk);
    return Buffer.concat(chunks).toString();
  } catch (error) {
    if (errnoOf(error) === 'ABORT_ERR') throw error;
    throw connectionError('read the answer', 'the server', error);
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function asError(value: unknown): Error {
  return value instanceof Error ? value : new Error(String(value));
}
