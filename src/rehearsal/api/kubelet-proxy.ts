/** What the API server passes on to a pod's kubelet: logs, exec, attach, port-forward. */
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { request as httpsRequest, type RequestOptions } from 'node:https';
import type { Duplex } from 'node:stream';
import { at, type KubeObject, listAt, textAt } from './objects.ts';
import { resourceTypes } from './resource-types.ts';
import { badRequest, StatusError } from './status-error.ts';
import type { Store } from './store.ts';

/** With which certificate the API server comes to a kubelet. */
export type KubeletCredentials = { authority: string; certificate: string; key: string };

/** pods/NAME/log. @throws StatusError */
export async function proxyLog(
  store: Store,
  credentials: KubeletCredentials,
  pod: KubeObject,
  query: URLSearchParams,
  response: ServerResponse,
): Promise<void> {
  const container = chosenContainer(pod, query.get('container'));
  const phase = textAt(pod, 'status', 'phase');
  if (textAt(pod, 'spec', 'nodeName') === '') {
    throw badRequest(`pod ${pod.metadata.name} does not have a host assigned`);
  }
  const waiting = listAt(pod, 'status', 'containerStatuses').find(({ name }) => name === container);
  const reason = textAt(waiting, 'state', 'waiting', 'reason');
  if (phase === 'Pending' && query.get('previous') !== 'true' && reason !== 'CrashLoopBackOff') {
    throw badRequest(
      `container "${container}" in pod "${pod.metadata.name}" is waiting to start: ${reason || 'ContainerCreating'}`,
    );
  }
  query.set('container', container);
  const options = kubeletRequest(store, credentials, pod, 'containerLogs', query);
  const request = httpsRequest(options);
  response.once('close', () => request.destroy());
  request.end();
  const [answer] = (await once(request, 'response').catch((error: Error) => {
    throw unreachable(options, error);
  })) as [IncomingMessage];
  if (answer.statusCode !== 200) throw badRequest(await textOf(answer));
  response.writeHead(200, { 'content-type': 'text/plain' });
  response.flushHeaders();
  answer.pipe(response);
  answer.once('error', () => response.destroy());
}

/** pods/NAME/exec and its like: the connection becomes the kubelet's. @throws StatusError */
export async function proxyUpgrade(
  store: Store,
  credentials: KubeletCredentials,
  pod: KubeObject,
  subresource: string,
  http: IncomingMessage,
  socket: Duplex,
  head: Buffer,
): Promise<void> {
  const query = new URL(http.url ?? '/', 'https://localhost').searchParams;
  if (subresource !== 'portforward') query.set('container', chosenContainer(pod, query.get('container')));
  if (textAt(pod, 'status', 'phase') !== 'Running') {
    throw badRequest(`pod ${pod.metadata.name} is not running`);
  }
  const { authorization: _, host: _host, ...headers } = http.headers;
  const options = {
    ...kubeletRequest(store, credentials, pod, subresource, query),
    method: http.method,
    headers,
  };
  const request = httpsRequest(options);
  request.end();
  const accepted = once(request, 'upgrade') as Promise<[IncomingMessage, Duplex, Buffer]>;
  const refused = once(request, 'response').then(async ([answer]) => {
    throw badRequest(await textOf(answer as IncomingMessage));
  });
  const [answer, kubelet, first] = await Promise.race([accepted, refused]).catch((error: Error) => {
    throw error instanceof StatusError ? error : unreachable(options, error);
  });
  refused.catch(() => {});
  const lines = answer.rawHeaders.flatMap((name, i, all) => (i % 2 === 0 ? [`${name}: ${all[i + 1]}`] : []));
  socket.write(`HTTP/1.1 101 Switching Protocols\r\n${lines.join('\r\n')}\r\n\r\n`);
  socket.write(first);
  kubelet.write(head);
  kubelet.pipe(socket);
  socket.pipe(kubelet);
  for (const side of [socket, kubelet]) {
    side.on('error', () => {});
    side.once('close', () => {
      socket.destroy();
      kubelet.destroy();
    });
  }
}

/** The container that is named, or the only one. @throws StatusError 400 */
function chosenContainer(pod: KubeObject, named: string | null): string {
  const names = [...listAt(pod, 'spec', 'containers'), ...listAt(pod, 'spec', 'initContainers')].map((each) =>
    textAt(each, 'name'),
  );
  if (named) {
    if (names.includes(named)) return named;
    throw badRequest(`container ${named} is not valid for pod ${pod.metadata.name}`);
  }
  const [first = '', ...more] = listAt(pod, 'spec', 'containers').map((each) => textAt(each, 'name'));
  if (more.length === 0) return first;
  throw badRequest(
    `a container name must be specified for pod ${pod.metadata.name}, choose one of: [${[first, ...more].join(' ')}]`,
  );
}

function kubeletRequest(
  store: Store,
  { authority, certificate, key }: KubeletCredentials,
  pod: KubeObject,
  what: string,
  query: URLSearchParams,
): RequestOptions {
  const { name, namespace } = pod.metadata;
  const nodeName = textAt(pod, 'spec', 'nodeName');
  const node = store.get(resourceTypes.nodes, nodeName);
  const expected = `system:node:${nodeName}`;
  return {
    host: node.metadata.labels?.['usernetes/host-ip'] ?? '127.0.0.1',
    port: Number(at(node, 'status', 'daemonEndpoints', 'kubeletEndpoint', 'Port')),
    path: `/${what}/${namespace}/${name}?${query}`,
    ca: authority,
    cert: certificate,
    key,
    agent: false,
    // Signed by the cluster's authority for this node, at whatever address it is.
    checkServerIdentity: (_, { subject }) =>
      subject.CN === expected ? undefined : new Error(`it is ${subject.CN}, not ${expected}`),
  };
}

function unreachable({ host, port }: RequestOptions, error: Error): StatusError {
  return new StatusError(500, 'InternalError', `Get "https://${host}:${port}": ${error.message}`);
}

async function textOf(answer: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of answer as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}
