/** The launcher of a cluster that a prolog makes: it starts nothing, the agents come to it. */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { AddressInfo, Socket } from 'node:net';
import type { Server, TLSSocket } from 'node:tls';
import * as z from 'zod';
import { errorMessage, UnetError } from '../errors.ts';
import { readLines } from '../process/lines.ts';
import type { LaunchedAgents, Launcher, LaunchRequest } from '../scheduler/launcher.ts';
import type { MeetingPlace } from './meeting-point.ts';
import { KEY_BYTES, serverTls } from './tls.ts';

const ATTACH_TIMEOUT_MS = 10_000;
// Connections beyond one for each node that may be in their handshake at a time.
const STRANGERS = 64;

const Attach = z.object({ attach: z.string() });

export type AttachOptions = {
  place: MeetingPlace;
  jobId: string;
  /** Of this host, for the nodes; the port is any free one. */
  addresses: () => readonly string[];
  /** Starts an agent once more where one has died, or to clean: there is no prolog for that. */
  next: Launcher;
};

/** The first start waits for the agents of the prologs; a later one is `next`'s. */
export function attachLauncher(options: AttachOptions): Launcher {
  let met = false;
  return {
    remedy: 'the prolog of that node has started it: see what it says in the log of slurmd or Flux',
    start: (request) => {
      if (met) {
        return options.next.start(request);
      }
      met = true;
      return receive(options, request);
    },
  };
}

function receive({ place, jobId, addresses }: AttachOptions, request: LaunchRequest): LaunchedAgents {
  const { nodes, onLine, onDiagnostic, onExit } = request;
  const key = randomBytes(KEY_BYTES);
  const stopping = new AbortController();
  const sockets = new Map<string, TLSSocket>();
  const missing = new Set(nodes);
  // What an agent that comes later has to hear; pings one after another are as good as one.
  let said: string[] = [];
  let ending = false;
  let over = () => {};
  const ended = new Promise<{ reason: string }>((resolve) => {
    over = () => resolve({ reason: 'let go of its agents' });
  });

  let server: Server | undefined;
  const receiveAgent = (socket: TLSSocket) => {
    socket.on('error', () => socket.destroy());
    socket.setNoDelay(true);
    const timer = setTimeout(() => socket.destroy(), ATTACH_TIMEOUT_MS);
    socket.once('close', () => clearTimeout(timer));
    let adopted = false;
    const onFirstLine = (line: string) => {
      clearTimeout(timer);
      const node = attachedNode(line);
      if (node === undefined || !missing.has(node)) {
        onDiagnostic(`refused an unexpected agent of ${node ?? 'an unknown node'}`);
        socket.destroy();
        return;
      }
      adopted = true;
      adopt(node, socket);
    };
    readLines(socket, {
      onLine: (line) => (adopted ? onLine(line) : !socket.destroyed && onFirstLine(line)),
      onTooLong: () => socket.destroy(),
    });
  };

  const adopt = (node: string, socket: TLSSocket) => {
    missing.delete(node);
    sockets.set(node, socket);
    socket.once('close', () => {
      sockets.delete(node);
      onExit([node], 'its connection has ended');
      endWhenAlone();
    });
    for (const line of said) {
      socket.write(`${line}\n`);
    }
    if (ending) {
      socket.end();
    }
    if (missing.size === 0) {
      said = [];
      void closeDoor();
    }
  };

  const closeDoor = async () => {
    stopping.abort();
    server?.close();
    // What is just being published is not to stay.
    await opened;
    await place.withdraw().catch((error: unknown) => onDiagnostic(errorMessage(error)));
  };

  const endWhenAlone = () => {
    if (ending && sockets.size === 0) {
      over();
    }
  };

  const open = async () => {
    // No other supervisor needs it.
    const { createServer } = await import('node:tls');
    stopping.signal.throwIfAborted();
    server = createServer(serverTls(key), receiveAgent);
    server.on('error', (error) => onDiagnostic(errorMessage(error)));
    boundHandshakes(server, nodes.length + STRANGERS);
    server.listen();
    await once(server, 'listening', { signal: stopping.signal });
    const { port } = server.address() as AddressInfo;
    const point = {
      version: 1 as const,
      jobId,
      addresses: [...addresses()],
      port,
      key: key.toString('base64'),
    };
    await place.publish(point, stopping.signal);
  };
  const opened = open().catch((error: unknown) => {
    if (!stopping.signal.aborted) {
      const { message } = UnetError.from(error);
      onDiagnostic(message);
      onExit([...missing], `agents cannot find their supervisor: ${message}`);
    }
  });

  return {
    nodes,
    send: (line, to = nodes) => {
      // An agent passes over what is for another one.
      if (to.some((node) => missing.has(node)) && line !== said.at(-1)) {
        said.push(line);
      }
      for (const node of to) {
        sockets.get(node)?.write(`${line}\n`);
      }
      return sockets.size > 0;
    },
    endInput: () => {
      ending = true;
      for (const socket of sockets.values()) {
        socket.end();
      }
      void closeDoor();
      endWhenAlone();
    },
    terminate: async () => {
      ending = true;
      for (const socket of sockets.values()) {
        socket.destroy();
      }
      await closeDoor();
      over();
    },
    ended,
  };
}

/**
 * Whoever reaches the port can connect; only who has the key comes through the handshake. Of those who have not, the one that has waited
 * longest makes room for the next: an agent that is pushed out comes again in a second.
 */
function boundHandshakes(server: Server, most: number): void {
  const waiting = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    waiting.add(socket);
    socket.once('close', () => waiting.delete(socket));
    const [oldest] = waiting;
    if (waiting.size > most) {
      oldest?.destroy();
    }
  });
  // It wraps another socket of the same descriptor: they are told apart by the peer.
  const forget = ({ remoteAddress, remotePort }: Socket) => {
    for (const socket of waiting) {
      if (socket.remotePort === remotePort && socket.remoteAddress === remoteAddress) {
        waiting.delete(socket);
      }
    }
  };
  server.on('secureConnection', forget);
  // An error, or no word within the time that src/attach/tls.ts gives: Node leaves the connection open.
  server.on('tlsClientError', (_, socket) => socket.destroy());
}

function attachedNode(line: string): string | undefined {
  try {
    return Attach.safeParse(JSON.parse(line)).data?.attach;
  } catch {
    return undefined;
  }
}
