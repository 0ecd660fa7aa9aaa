/** Kubernetes' channels in a WebSocket (v4 and v5.channel.k8s.io): a byte that says which stream, then its data. */
import type { IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import type { ContainedProcess } from './contained-process.ts';
import type { RunningPod } from './pod.ts';

const protocols = ['v5.channel.k8s.io', 'v4.channel.k8s.io'];
const channel = { stdin: 0, stdout: 1, stderr: 2, error: 3, close: 255 } as const;

const sockets = new WebSocketServer({
  noServer: true,
  handleProtocols: (offered) => protocols.find((each) => offered.has(each)) ?? false,
});

export function serveExec(
  pod: RunningPod,
  container: string,
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  query: URLSearchParams,
): void {
  accept(request, socket, head, async (web) => {
    const argv = query.getAll('command');
    const early: Buffer[] = [];
    const keep = (data: Buffer) => early.push(data);
    web.on('message', keep);
    const started = await pod.exec(container, argv, query.get('stdin') === 'true');
    web.off('message', keep);
    if (typeof started === 'string') {
      finish(web, { status: 'Failure', reason: 'InternalError', message: started, code: 500 });
    } else await converse(web, started, early);
  });
}

async function converse(web: WebSocket, child: ContainedProcess, early: readonly Buffer[]): Promise<void> {
  const input = (data: Buffer) => {
    const [kind] = data;
    if (kind === channel.stdin) child.stdin?.write(data.subarray(1));
    else if (kind === channel.close && data[1] === channel.stdin) child.stdin?.end();
  };
  for (const data of early) input(data);
  web.on('message', input);
  web.once('close', () => child.kill('SIGKILL'));
  child.stdout.on('data', (data: Buffer) => sendOn(web, channel.stdout, data));
  child.stderr.on('data', (data: Buffer) => sendOn(web, channel.stderr, data));
  const code = await child.ended;
  if (code === 0) finish(web, { status: 'Success' });
  else {
    finish(web, {
      status: 'Failure',
      reason: 'NonZeroExitCode',
      message: `command terminated with non-zero exit code: exit status ${code}`,
      details: { causes: [{ reason: 'ExitCode', message: String(code) }] },
    });
  }
}

/** Each port has two channels, data and errors; each begins with the port's number. */
export function servePortForward(
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  query: URLSearchParams,
): void {
  const ports = query
    .getAll('ports')
    .flatMap((each) => each.split(','))
    .map(Number);
  accept(request, socket, head, async (web) => {
    const connections = ports.map((port, i) => {
      const number = Buffer.from([port & 255, port >> 8]);
      sendOn(web, 2 * i, number);
      sendOn(web, 2 * i + 1, number);
      // A plain process listens on the node itself.
      const connection = connect(port, '127.0.0.1');
      connection.on('data', (data) => sendOn(web, 2 * i, data));
      connection.on('error', (error) => sendOn(web, 2 * i + 1, Buffer.from(error.message)));
      connection.once('close', () => web.close());
      return connection;
    });
    web.on('message', (data: Buffer) => connections[(data[0] ?? 0) >> 1]?.write(data.subarray(1)));
    web.once('close', () => {
      for (const connection of connections) connection.destroy();
    });
  });
}

function accept(
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  serve: (web: WebSocket) => Promise<void>,
): void {
  sockets.handleUpgrade(request, socket, head, (web) => {
    web.on('error', () => web.terminate());
    serve(web).catch((error: Error) => {
      finish(web, { status: 'Failure', reason: 'InternalError', message: error.message, code: 500 });
    });
  });
}

function finish(web: WebSocket, status: object): void {
  sendOn(web, channel.error, Buffer.from(JSON.stringify({ metadata: {}, ...status })));
  web.close(1000);
}

function sendOn(web: WebSocket, kind: number, data: Buffer): void {
  if (web.readyState === web.OPEN) web.send(Buffer.concat([Buffer.from([kind]), data]));
}
