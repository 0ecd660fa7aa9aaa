/** Requests to the API of a cluster, as plain JSON: what a kind of object holds is its own affair, and nothing of it gets lost. */
import { once, setMaxListeners } from 'node:events';
import { type ClientRequest, request as httpRequest, type IncomingMessage } from 'node:http';
import { Agent, request as httpsRequest, type RequestOptions } from 'node:https';
import { createInterface } from 'node:readline';
import { text as readText } from 'node:stream/consumers';
import { KubeConfig } from '@kubernetes/client-node';
import { errnoOf, UnetError } from '../../errors.ts';
import { isJsonObject, type JsonObject } from '../object.ts';

export type Call = {
  method?: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  query?: Readonly<Record<string, string | undefined>>;
  body?: JsonObject;
  contentType?: string;
  accept?: string;
  signal: AbortSignal;
};

/** What the API server answered when it did not do what was asked. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly status: number;
  /** `AlreadyExists`, `Forbidden`, …; empty when something in between has answered. */
  readonly reason: string;

  constructor(status: number, reason: string, message: string) {
    super(message);
    this.status = status;
    this.reason = reason;
  }
}

export interface Connection {
  /** The context's namespace. */
  readonly namespace: string;
  /** @throws ApiError; UnetError UNET_KUBE_LOGIN, UNET_KUBE_UNREACHABLE */
  json(path: string, call: Call): Promise<JsonObject>;
  /** The lines of a watch or a log, until the server ends them or `signal` aborts. */
  lines(path: string, call: Call): AsyncIterable<string>;
  close(): void;
}

// A server that does not even begin to answer is gone; a watch is silent only after its headers.
const ANSWER_TIMEOUT_MS = 60_000;

export type ConnectOptions = {
  kubeconfig?: string | undefined;
  context?: string | undefined;
  env: NodeJS.ProcessEnv;
};

/**
 * The cluster of a kubeconfig: of --kubeconfig, $KUBECONFIG, ~/.kube/config, or of the pod that this runs in.
 *
 * @throws UnetError UNET_NO_CLUSTER when there is none
 */
export function connect({ kubeconfig, context, env }: ConnectOptions): Connection {
  const config = new KubeConfig();
  try {
    if (kubeconfig !== undefined) {
      config.loadFromFile(kubeconfig);
    } else {
      config.loadFromDefault();
    }
    if (context !== undefined) {
      if (config.getContextObject(context) === null) {
        throw new Error(`there is no context ${context}`);
      }
      config.setCurrentContext(context);
    }
  } catch (error) {
    throw noCluster(error instanceof Error ? error.message : String(error), error);
  }
  const cluster = config.getCurrentCluster();
  // What the client takes where it finds nothing.
  const guessed = cluster?.server === 'http://localhost:8080' && !env.KUBECONFIG && kubeconfig === undefined;
  if (cluster === null || guessed) {
    throw noCluster('there is no kubeconfig with a current context');
  }
  return new HttpConnection(config, cluster.server);
}

class HttpConnection implements Connection {
  readonly namespace: string;
  private readonly config: KubeConfig;
  private readonly server: URL;
  private agent: Agent | undefined;

  constructor(config: KubeConfig, server: string) {
    this.config = config;
    this.server = new URL(server.endsWith('/') ? server : `${server}/`);
    this.namespace = config.getContextObject(config.currentContext)?.namespace || 'default';
  }

  async json(path: string, call: Call): Promise<JsonObject> {
    const response = await this.send(path, call);
    const text = await readText(response);
    try {
      const value: unknown = JSON.parse(text);
      if (isJsonObject(value)) {
        return value;
      }
    } catch {
      // Said below.
    }
    throw new ApiError(
      response.statusCode ?? 0,
      '',
      `${this.server.host} answered no JSON object to ${path}`,
    );
  }

  async *lines(path: string, call: Call): AsyncIterable<string> {
    const response = await this.send(path, call);
    const stop = () => void response.destroy();
    call.signal.addEventListener('abort', stop, { once: true });
    try {
      for await (const line of createInterface({ input: response, crlfDelay: Number.POSITIVE_INFINITY })) {
        yield line;
      }
    } finally {
      call.signal.removeEventListener('abort', stop);
      response.destroy();
    }
  }

  close(): void {
    this.agent?.destroy();
  }

  /** Resolves with an answer of 2xx, whose body is still to come. */
  private async send(path: string, call: Call): Promise<IncomingMessage> {
    call.signal.throwIfAborted();
    // Any number of requests may be under way for one signal.
    setMaxListeners(0, call.signal);
    const url = new URL(path.replace(/^\//, ''), this.server);
    for (const [name, value] of Object.entries(call.query ?? {})) {
      if (value !== undefined) {
        url.searchParams.set(name, value);
      }
    }
    const body = call.body === undefined ? undefined : JSON.stringify(call.body);
    const options: RequestOptions = {
      method: call.method ?? 'GET',
      headers: {
        Accept: call.accept ?? 'application/json',
        // Its length too: Node sends the body of a DELETE without one, which is no HTTP.
        ...(body === undefined
          ? {}
          : {
              'Content-Type': call.contentType ?? 'application/json',
              'Content-Length': String(Buffer.byteLength(body)),
            }),
      },
      signal: call.signal,
    };
    const request = await this.request(url, options);
    const response = await this.answer(request, body, call.signal);
    const status = response.statusCode ?? 0;
    if (status < 200 || status >= 300) {
      throw await this.refusal(status, response);
    }
    return response;
  }

  /** Over plain HTTP, as to "kubectl proxy", nothing secret is sent. */
  private async request(url: URL, options: RequestOptions): Promise<ClientRequest> {
    if (url.protocol === 'http:') {
      return httpRequest(url, options);
    }
    await this.config.applyToHTTPSOptions(options);
    options.agent = this.pool(options);
    return httpsRequest(url, options);
  }

  private async answer(
    request: ClientRequest,
    body: string | undefined,
    signal: AbortSignal,
  ): Promise<IncomingMessage> {
    const late = setTimeout(() => request.destroy(new Error('it did not answer')), ANSWER_TIMEOUT_MS);
    request.end(body);
    try {
      const [response] = (await once(request, 'response')) as [IncomingMessage];
      // A watch that is cut is an error of the response, which its reader gets; not of the process.
      request.on('error', () => {});
      return response;
    } catch (error) {
      signal.throwIfAborted();
      throw unreachable(this.server.host, error);
    } finally {
      clearTimeout(late);
    }
  }

  private async refusal(status: number, response: IncomingMessage): Promise<Error> {
    const text = await readText(response);
    const said = readStatus(text);
    if (status === 401) {
      return new UnetError('UNET_KUBE_LOGIN', `${this.server.host} does not know you: ${said.message}`, {
        fatal: true,
        remedy: 'log in ("oc login", your site’s way), or name a kubeconfig with --kubeconfig',
      });
    }
    return new ApiError(status, said.reason, said.message || `HTTP ${status}`);
  }

  /** One pool for all requests; without it each is a TLS handshake. */
  private pool(options: RequestOptions): Agent {
    if (options.agent instanceof Agent) {
      return options.agent; // a proxy's
    }
    const { ca, cert, key, pfx, passphrase, rejectUnauthorized, servername } = options;
    this.agent ??= new Agent({
      keepAlive: true,
      ca,
      cert,
      key,
      pfx,
      passphrase,
      rejectUnauthorized,
      servername,
    });
    return this.agent;
  }
}

function readStatus(text: string): { reason: string; message: string } {
  try {
    const value: unknown = JSON.parse(text);
    if (isJsonObject(value)) {
      return { reason: String(value.reason ?? ''), message: String(value.message ?? '') };
    }
  } catch {
    // A proxy's page.
  }
  return { reason: '', message: text.trim().split('\n')[0]?.slice(0, 200) ?? '' };
}

function noCluster(why: string, cause?: unknown): UnetError {
  return new UnetError('UNET_NO_CLUSTER', `there is no cluster to talk to: ${why}`, {
    cause,
    remedy: 'set KUBECONFIG ("eval $(unet env)" in a job), log in, or use --kubeconfig',
  });
}

function unreachable(host: string, cause: unknown): UnetError {
  const why = cause instanceof Error ? (errnoOf(cause) ?? cause.message) : String(cause);
  return new UnetError('UNET_KUBE_UNREACHABLE', `the API server at ${host} cannot be reached: ${why}`, {
    cause,
    remedy: 'is the cluster up, and is its address reachable from this host?',
  });
}
