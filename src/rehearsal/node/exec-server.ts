import { rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { type ExecReply, type ExecRequest, socketName } from './exec-protocol.ts';

export type ExecHandler = (request: ExecRequest, io: ExecIo) => Promise<number>;

/** Where a command's output goes, and the signal that its client went away. */
export interface ExecIo {
  out(text: string): void;
  err(text: string): void;
  signal: AbortSignal;
}

/** Listens in the current directory (the state directory: bare name, since paths of sockets are short). */
export function listenForExec(handler: ExecHandler): Promise<void> {
  const server = createServer((socket) => serve(socket, handler));
  // Of a daemon that was killed: `up` has made sure that none runs.
  rmSync(socketName, { force: true });
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(socketName, resolve);
  });
}

function serve(socket: Socket, handler: ExecHandler): void {
  const gone = new AbortController();
  const reply = (line: ExecReply) => {
    if (!socket.destroyed) socket.write(`${JSON.stringify(line)}\n`);
  };
  const io: ExecIo = {
    out: (text) => reply({ out: text }),
    err: (text) => reply({ err: text }),
    signal: gone.signal,
  };
  socket.on('error', () => {});
  socket.once('close', () => gone.abort(new Error('the exec client went away')));
  const lines = createInterface({ input: socket });
  // It repeats the socket's errors.
  lines.on('error', () => {});
  lines.once('line', async (line) => {
    try {
      reply({ exit: await handler(JSON.parse(line) as ExecRequest, io) });
    } catch (error) {
      if (!gone.signal.aborted) {
        io.err(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
        reply({ exit: 1 });
      }
    }
    socket.end();
  });
}
