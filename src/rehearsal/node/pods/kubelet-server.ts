/** What a kubelet serves to the API server alone: logs, exec, port-forward. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { ContainerLog } from './container-log.ts';
import { serveExec, servePortForward } from './exec-socket.ts';
import type { PodSet } from './pod-set.ts';

export type KubeletServer = { take: (socket: Socket) => void; close: () => void };

/** Serves with the kubelet's own certificate, to clients of the cluster's authority that may do all. */
export function createKubeletServer(
  pods: PodSet,
  credentials: { ca: string; cert: string; key: string },
): KubeletServer {
  const server = createServer({ ...credentials, requestCert: true, rejectUnauthorized: true });
  server.on('request', (request, response) => void answer(pods, request, response));
  server.on('upgrade', (request, socket, head) => upgrade(pods, request, socket, head));
  server.on('tlsClientError', (_, socket) => socket.destroy());
  return {
    take: (socket) => void server.emit('connection', socket),
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

function parse(request: IncomingMessage) {
  const url = new URL(request.url ?? '/', 'https://localhost');
  const [what = '', namespace = '', name = ''] = url.pathname.split('/').filter(Boolean);
  return {
    what,
    namespace,
    name,
    query: url.searchParams,
    container: url.searchParams.get('container') ?? '',
  };
}

async function answer(pods: PodSet, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { what, namespace, name, query, container } = parse(request);
  const pod = what === 'containerLogs' ? pods.find(namespace, name) : undefined;
  const previous = query.get('previous') === 'true';
  const log = pod?.logOf(container, previous);
  if (log === undefined) {
    const missing = previous ? `previous terminated container "${container}"` : `container "${container}"`;
    response.writeHead(pod === undefined ? 404 : 400);
    return void response.end(`${missing} in pod "${name}" not found`);
  }
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  response.writeHead(200, { 'content-type': 'text/plain' });
  response.flushHeaders();
  await sendLog(log, query, response, gone.signal);
  response.end();
}

function sendLog(
  log: ContainerLog,
  query: URLSearchParams,
  response: ServerResponse,
  signal: AbortSignal,
): Promise<void> {
  const number = (key: string) => (query.has(key) ? Number(query.get(key)) : undefined);
  const seconds = number('sinceSeconds');
  const time = query.get('sinceTime');
  const since = seconds !== undefined ? Date.now() - seconds * 1000 : time ? Date.parse(time) : undefined;
  const [tailLines, limitBytes] = [number('tailLines'), number('limitBytes')];
  const options = {
    timestamps: query.get('timestamps') === 'true',
    ...(tailLines !== undefined && { tailLines }),
    ...(limitBytes !== undefined && { limitBytes }),
    ...(since !== undefined && { since }),
  };
  return log.read((text) => response.write(text), options, query.get('follow') === 'true', signal);
}

function upgrade(pods: PodSet, request: IncomingMessage, socket: Duplex, head: Buffer): void {
  const { what, namespace, name, query, container } = parse(request);
  const pod = pods.find(namespace, name);
  if (pod === undefined) return void socket.end('HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\n');
  if (what === 'portforward') servePortForward(request, socket, head, query);
  else serveExec(pod, container, request, socket, head, query);
}
