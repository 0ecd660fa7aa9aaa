/** A small internet on loopback: an https server with git and files, of a site's own CA, and the proxy that leads there. */
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createServer as createHttp, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createHttps } from 'node:https';
import { type AddressInfo, connect, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

/** No name server knows it: who reaches it has come through the proxy. */
export const HOST = 'git.unet-test.invalid';

export type Web = { port: number; ca: string; requests: string[] };

/**
 * Serves what is beneath `root`: repositories by git's own smart protocol, `/files/…` as they are, `/redirect/…` elsewhere.
 * The certificate is for HOST.
 */
export async function startWeb(root: string, directory: string): Promise<Web> {
  const ca = join(directory, 'ca.pem');
  const key = join(directory, 'key.pem');
  execFileSync(
    'openssl',
    [
      ...['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', `/CN=${HOST}`],
      ...['-addext', `subjectAltName=DNS:${HOST}`, '-keyout', key, '-out', ca],
    ],
    { stdio: 'ignore' },
  );
  const requests: string[] = [];
  const server = createHttps({ key: readFileSync(key), cert: readFileSync(ca) }, (request, response) => {
    const url = request.url ?? '/';
    requests.push(`${request.method} ${url}`);
    if (url.startsWith('/redirect/')) {
      response.writeHead(302, { location: url.replace('/redirect/', '/files/') }).end();
    } else if (url.startsWith('/files/')) {
      sendFile(join(root, url.slice('/files/'.length)), response);
    } else {
      runGit(root, request, response);
    }
  });
  return { port: await listen(server), ca, requests };
}

export type Proxy = { url: string; connects: string[] };

/** An http proxy that connects everything to `port` here. `answer` instead of 200 refuses. */
export async function startProxy(port: number, { answer }: { answer?: string } = {}): Promise<Proxy> {
  const connects: string[] = [];
  const server = createHttp();
  server.on('connect', (request: IncomingMessage, client: Socket) => {
    connects.push(request.url ?? '');
    client.on('error', () => {});
    if (answer !== undefined) {
      client.end(`HTTP/1.1 ${answer}\r\n\r\n`);
      return;
    }
    const upstream = connect(port, '127.0.0.1', () => {
      client.write('HTTP/1.1 200 Connection established\r\n\r\n');
      upstream.pipe(client).pipe(upstream);
    });
    upstream.on('error', () => client.destroy());
  });
  return { url: `http://127.0.0.1:${await listen(server)}`, connects };
}

async function listen(server: Server): Promise<number> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => sockets.add(socket));
  onTestFinished(() => {
    server.close();
    for (const socket of sockets) {
      socket.destroy();
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

function sendFile(path: string, response: ServerResponse): void {
  if (existsSync(path)) {
    response.writeHead(200).end(readFileSync(path));
  } else {
    response.writeHead(404).end();
  }
}

/** git-http-backend(1) is a CGI program. */
function runGit(root: string, request: IncomingMessage, response: ServerResponse): void {
  const [path = '', query = ''] = (request.url ?? '').split('?');
  const child = spawn('git', ['http-backend'], {
    env: {
      PATH: process.env.PATH,
      GIT_PROJECT_ROOT: root,
      GIT_HTTP_EXPORT_ALL: '1',
      GIT_CONFIG_COUNT: '1',
      GIT_CONFIG_KEY_0: 'safe.directory',
      GIT_CONFIG_VALUE_0: '*',
      PATH_INFO: path,
      QUERY_STRING: query,
      REQUEST_METHOD: request.method,
      CONTENT_TYPE: request.headers['content-type'] ?? '',
      HTTP_CONTENT_ENCODING: request.headers['content-encoding'] ?? '',
      HTTP_GIT_PROTOCOL: String(request.headers['git-protocol'] ?? ''),
      REMOTE_ADDR: '127.0.0.1',
    },
  });
  request.pipe(child.stdin);
  const chunks: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
  child.on('close', () => {
    const all = Buffer.concat(chunks);
    const end = all.indexOf('\r\n\r\n');
    const lines = all.subarray(0, end).toString().split('\r\n');
    const headers = Object.fromEntries(lines.map((line) => line.split(': ', 2) as [string, string]));
    const { Status = '200', ...rest } = headers;
    response.writeHead(Number.parseInt(Status, 10), rest).end(all.subarray(end + 4));
  });
}
