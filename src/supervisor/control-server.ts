/** The supervisor's unix socket: JSON lines, one request a connection; its directory is 0700, so it is the user's alone. */
import { chmod, rm } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { ensurePrivateDirectory } from '../files/private-directory.ts';
import { controlSocket } from '../job/layout.ts';
import { readLines } from '../process/lines.ts';
import { ALIVE_MS, ControlRequest } from '../protocol/control.ts';
import { jsonLine } from '../protocol/frames.ts';

// The longest has a reason and three settings.
const REQUEST_CHARS = 64 * 1024;

export type ControlHandler = (request: ControlRequest, reply: Reply) => void;
export type Reply = {
  send: (message: object) => void;
  /** Ends the connection when what was sent is out. */
  end: () => void;
  /** The peer is gone. */
  onClose: (listener: () => void) => void;
};

export type ControlServer = {
  path: string;
  /** Resolves when somebody has asked for something. */
  firstRequest: Promise<void>;
  close: () => Promise<void>;
};

export async function openControlServer(jobId: string, handle: ControlHandler): Promise<ControlServer> {
  const { directory, path } = controlSocket(jobId);
  await ensurePrivateDirectory(directory);
  // The lock is ours, so a socket that is there is a dead supervisor's.
  await rm(path, { force: true });
  const sockets = new Set<Socket>();
  let onRequest = () => {};
  const firstRequest = new Promise<void>((resolve) => {
    onRequest = resolve;
  });
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    serve(socket, (request, reply) => {
      handle(request, reply);
      onRequest();
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, resolve);
  });
  await chmod(path, 0o600);
  return {
    path,
    firstRequest,
    close: async () => {
      server.close();
      await Promise.all([...sockets].map((socket) => endSocket(socket)));
    },
  };
}

function serve(socket: Socket, handle: ControlHandler): void {
  const reply: Reply = {
    send: (message) => {
      if (socket.writable) {
        socket.write(`${jsonLine(message)}\n`);
      }
    },
    end: () => void socket.end(),
    onClose: (listener) => void socket.once('close', listener),
  };
  let asked = false;
  const onLine = (line: string) => {
    if (asked) {
      return; // One request a connection.
    }
    asked = true;
    const request = ControlRequest.safeParse(parse(line));
    if (request.success) {
      handle(request.data, reply);
      const alive = setInterval(() => reply.send({ type: 'alive' }), ALIVE_MS);
      reply.onClose(() => clearInterval(alive));
    } else {
      reply.send({
        type: 'refused',
        message: 'this supervisor does not know that request; is it of another version of unet?',
      });
      reply.end();
    }
  };
  readLines(socket, { onLine, onTooLong: () => socket.destroy(), maxChars: REQUEST_CHARS });
}

/** Followers get what is written before they are cut off, but not for ever. */
function endSocket(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    socket.once('close', () => resolve());
    socket.end();
    setTimeout(() => {
      socket.destroy();
      resolve();
    }, 1000).unref();
  });
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
