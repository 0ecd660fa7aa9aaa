import { createSocket } from 'node:dgram';
import { createServer, type Server, type Socket } from 'node:net';

export interface NodePorts {
  etcd: number;
  apiServer: number;
  kubelet: number;
  flannel: number;
}

/** What takes the connections of one port. */
export type ConnectionTaker = (socket: Socket) => void;

/**
 * The node's published ports, bound on 0.0.0.0 from `up` to `down` as an engine binds them: whether
 * something inside the node listens or not. Without a taker a connection is accepted and closed.
 */
export class PublishedPorts {
  readonly #servers: Server[] = [];
  readonly #takers = new Map<number, ConnectionTaker>();

  /** @throws Error "EADDRINUSE tcp|udp PORT" when a port is taken */
  static async bind(ports: NodePorts): Promise<PublishedPorts> {
    const published = new PublishedPorts();
    await Promise.all([
      ...[ports.etcd, ports.apiServer, ports.kubelet].map((port) => published.#listen(port)),
      published.#listenDatagrams(ports.flannel),
    ]);
    return published;
  }

  /** Hands the connections of a port to whatever listens in the node now; undefined: nothing does. */
  serve(port: number, taker: ConnectionTaker | undefined): void {
    if (taker === undefined) this.#takers.delete(port);
    else this.#takers.set(port, taker);
  }

  serves(port: number): boolean {
    return this.#takers.has(port);
  }

  #listen(port: number): Promise<void> {
    const server = createServer((socket) => {
      socket.on('error', () => {});
      socket.setNoDelay(true);
      const taker = this.#takers.get(port);
      if (taker === undefined) socket.destroy();
      else taker(socket);
    });
    this.#servers.push(server);
    return new Promise((resolve, reject) => {
      server.once('error', (error: NodeJS.ErrnoException) => reject(new Error(`${error.code} tcp ${port}`)));
      // 511: two hundred workers join in the same second.
      server.listen({ port, host: '0.0.0.0', backlog: 511 }, resolve);
    });
  }

  #listenDatagrams(port: number): Promise<void> {
    const socket = createSocket('udp4');
    return new Promise((resolve, reject) => {
      socket.once('error', (error: NodeJS.ErrnoException) => reject(new Error(`${error.code} udp ${port}`)));
      socket.bind({ port, address: '0.0.0.0', exclusive: true }, resolve);
    });
  }
}
