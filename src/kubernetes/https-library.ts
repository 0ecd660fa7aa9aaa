/**
 * Requests of the Kubernetes client over node:https. The client's own way, node-fetch 2, takes the end of a chunked answer on a kept
 * connection for "Premature close" where another request gets that connection at once (seen with Node 20.19.2).
 */
import type { IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { buffer } from 'node:stream/consumers';
import { type HttpLibrary, Observable, type RequestContext, ResponseContext } from '@kubernetes/client-node';

export const httpsLibrary: HttpLibrary = {
  send: (request) => new Observable(send(request)),
};

/** @throws what the connection says, or an error that names the status when the answer is none of success. */
export async function get(request: RequestContext): Promise<void> {
  const response = await ask(request);
  await buffer(response);
  const { statusCode = 0 } = response;
  if (statusCode >= 300) {
    throw new Error(`it answers ${statusCode}`);
  }
}

async function send(request: RequestContext): Promise<ResponseContext> {
  const response = await ask(request);
  const body = await buffer(response);
  const headers = Object.entries(response.headers).map(([name, value]) => [name, String(value)]);
  return new ResponseContext(response.statusCode ?? 0, Object.fromEntries(headers), {
    text: async () => body.toString('utf8'),
    binary: async () => body,
  });
}

function ask(request: RequestContext): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const outgoing = httpsRequest(request.getUrl(), {
      method: request.getHttpMethod(),
      headers: request.getHeaders(),
      agent: request.getAgent(),
      signal: request.getSignal(),
    });
    outgoing.once('response', resolve);
    outgoing.once('error', reject);
    outgoing.end(request.getBody());
  });
}
