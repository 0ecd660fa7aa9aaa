/** A TLS server that answers as a test says, and remembers what it was asked. */
import { once } from 'node:events';
import type { IncomingMessage, RequestListener } from 'node:http';
import { createServer, type ServerOptions } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { onTestFinished } from 'vitest';
import { Authority, type Credentials } from '../../src/rehearsal/control-plane/authority.ts';

export const base64 = (text: string) => Buffer.from(text).toString('base64');

export type Asked = {
  method: string;
  url: string;
  authorization: string | undefined;
  client: string | undefined;
};

export type TestServer = {
  endpoint: string;
  port: number;
  authority: Authority;
  asked: Asked[];
  client: Credentials;
};

export type TestServerOptions = {
  answer: RequestListener;
  /** Names of the certificate; 127.0.0.1 and localhost without. */
  names?: { dns: string[]; addresses: string[] };
  validMs?: number;
  server?: ServerOptions;
};

export async function startServer({
  answer,
  names,
  validMs,
  server: more,
}: TestServerOptions): Promise<TestServer> {
  const authority = await Authority.create();
  const { dns, addresses } = names ?? { dns: ['localhost'], addresses: ['127.0.0.1'] };
  const { certificate: cert, key } = await authority.issueServer(dns, addresses, validMs);
  const client = await authority.issueClient('tester', 'testers');
  const asked: Asked[] = [];
  const options = {
    cert,
    key,
    ca: authority.certificate,
    requestCert: true,
    rejectUnauthorized: false,
    ...more,
  };
  const server = createServer(options, (request, response) => {
    asked.push(remember(request));
    answer(request, response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(async () => {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  });
  const { port } = server.address() as AddressInfo;
  return { endpoint: `127.0.0.1:${port}`, port, authority, asked, client };
}

/** Answers /version, and 404 to the rest. */
export const version: RequestListener = (request, response) => {
  response.writeHead(request.url === '/version' ? 200 : 404, { 'content-type': 'application/json' });
  response.end(
    JSON.stringify(request.url === '/version' ? { gitVersion: 'v1.34.2' } : { message: 'not found' }),
  );
};

function remember(request: IncomingMessage): Asked {
  const certificate = (request.socket as TLSSocket).getPeerCertificate();
  return {
    method: request.method ?? '',
    url: request.url ?? '',
    authorization: request.headers.authorization,
    client: certificate.subject?.CN as string | undefined,
  };
}
