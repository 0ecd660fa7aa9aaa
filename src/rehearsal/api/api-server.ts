import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { authorize, isAdministrator } from './authorization.ts';
import { discoveryAnswer } from './discovery.ts';
import { type Identity, identify } from './identity.ts';
import { type KubeletCredentials, proxyUpgrade } from './kubelet-proxy.ts';
import { openApiV2, openApiV2Protobuf, openApiV2ProtobufType } from './openapi.ts';
import { parseResourceRequest } from './request.ts';
import { handleResource, send } from './resource-handler.ts';
import { resourceTypes } from './resource-types.ts';
import { reviewAnswer } from './reviews.ts';
import { StatusError } from './status-error.ts';
import type { Store } from './store.ts';
import type { IssuedToken } from './subresources.ts';

export interface ApiServerOptions {
  store: Store;
  /** PEM of the authority whose client certificates are taken. */
  authority: string;
  certificate: string;
  key: string;
  /** HOST:PORT, told by discovery. */
  address: string;
  /** With which it asks kubelets for logs. */
  kubelets: KubeletCredentials;
}

/** The small Kubernetes API server. It does not listen by itself: connections are handed to it. */
export class ApiServer implements AsyncDisposable {
  readonly #options: ApiServerOptions;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #tokens = new Map<string, IssuedToken>();

  constructor(options: ApiServerOptions) {
    this.#options = options;
    const { authority: ca, certificate: cert, key } = options;
    this.#server = createServer({ ca, cert, key, requestCert: true, rejectUnauthorized: false });
    // Clients hold idle connections for as long as kube-proxy and kubelets like.
    this.#server.keepAliveTimeout = 90_000;
    this.#server.on('request', (request, response) => void this.#answer(request, response));
    this.#server.on('upgrade', (request, socket, head) => void this.#upgrade(request, socket, head));
    this.#server.on('tlsClientError', (_, socket) => socket.destroy());
  }

  /** Takes a connection that was accepted on the published port. */
  readonly take = (socket: Socket): void => {
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
    this.#server.emit('connection', socket);
  };

  /** As when its process dies: who is connected is cut off. A server that does not listen does not know its connections. */
  cutOff(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cutOff();
    this.#server.close();
  }

  async #answer(http: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      await this.#route(http, response);
    } catch (error) {
      if (response.headersSent) return void response.destroy();
      const known = asStatusError(error);
      // What is left of a body that is too large is not worth reading.
      if (known.code === 413) response.setHeader('connection', 'close');
      send(response, known.code, known.toStatus());
    }
  }

  /** Exec and its like. What refuses them is an ordinary answer on the same connection. */
  async #upgrade(http: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    socket.on('error', () => {});
    const { store, kubelets } = this.#options;
    try {
      const url = new URL(http.url ?? '/', 'https://localhost');
      const request = parseResourceRequest(http.method ?? 'GET', url, store.types);
      const { type, name = '', namespace, subresource = '' } = request ?? {};
      if (request === undefined || type !== resourceTypes.pods || !upgraded.includes(subresource)) {
        throw new StatusError(404, 'NotFound', 'the server could not find the requested resource');
      }
      authorize(identify(http, store, this.#tokens), { ...request, verb: 'create' }, store);
      const pod = store.get(type, name, namespace);
      await proxyUpgrade(store, kubelets, pod, subresource, http, socket, head);
    } catch (error) {
      const { code, ...known } = asStatusError(error).toStatus();
      const body = JSON.stringify({ ...known, code });
      socket.end(
        `HTTP/1.1 ${code} Error\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
      );
    }
  }

  async #route(http: IncomingMessage, response: ServerResponse): Promise<void> {
    const { store, address, kubelets } = this.#options;
    const tokens = this.#tokens;
    const url = new URL(http.url ?? '/', 'https://localhost');
    const identity = identify(http, store, tokens);
    if (/^\/(healthz|livez|readyz)(\/|$)/.test(url.pathname)) return sendText(response, 'ok');
    const request = parseResourceRequest(http.method ?? 'GET', url, store.types);
    if (request !== undefined) {
      authorize(identity, request, store);
      return await handleResource({ request, identity, http, response, store, kubelets, tokens });
    }
    const accept = http.headers.accept ?? '';
    if (http.method === 'GET') {
      const aggregated = accept.includes('as=APIGroupDiscoveryList') && accept.includes('v=v2;');
      const answer = discoveryAnswer(store.types, url.pathname, aggregated, address);
      if (answer !== undefined) {
        if (url.pathname !== '/version') requireUser(identity, url.pathname);
        if (answer.kind === 'APIGroupDiscoveryList') {
          response.setHeader(
            'content-type',
            'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList',
          );
          response.setHeader('vary', 'Accept');
          return void response.end(JSON.stringify(answer));
        }
        return send(response, 200, answer);
      }
      if (url.pathname === '/openapi/v2') return sendOpenApi(response, accept);
    }
    const review = await reviewAnswer(http, url.pathname, identity);
    if (review !== undefined) return send(response, 201, review);
    if (!isAdministrator(identity)) requireUser(identity, url.pathname);
    throw new StatusError(404, 'NotFound', 'the server could not find the requested resource');
  }
}

const upgraded = ['exec', 'attach', 'portforward'];

function asStatusError(error: unknown): StatusError {
  return error instanceof StatusError ? error : new StatusError(500, 'InternalError', String(error));
}

/** Discovery is for every authenticated user. */
function requireUser(identity: Identity, path: string): void {
  if (identity.groups.includes('system:authenticated')) return;
  throw new StatusError(403, 'Forbidden', `forbidden: User "${identity.name}" cannot get path "${path}"`);
}

function sendText(response: ServerResponse, text: string): void {
  response.writeHead(200, { 'content-type': 'text/plain; charset=utf-8' });
  response.end(text);
}

function sendOpenApi(response: ServerResponse, accept: string): void {
  if (accept.includes('proto')) {
    response.writeHead(200, { 'content-type': openApiV2ProtobufType });
    response.end(openApiV2Protobuf());
  } else send(response, 200, openApiV2);
}
