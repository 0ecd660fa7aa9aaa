/** The rehearsal API server with recorded objects in it, on a port of its own. */

import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import type { KubeConfig, KubernetesObject } from '@kubernetes/client-node';
import { onTestFinished } from 'vitest';
import { loadConfig } from '../../src/kubernetes/client.ts';
import { withServer } from '../../src/kubernetes/with-server.ts';
import { type ResourceType, resourceTypes } from '../../src/rehearsal/api/resource-types.ts';
import type { NewObject } from '../../src/rehearsal/api/store.ts';
import { ControlPlane } from '../../src/rehearsal/control-plane/control-plane.ts';

export function recorded<T>(name: string): T {
  return JSON.parse(
    readFileSync(new URL(`../../fixtures/usernetes/kubernetes/${name}`, import.meta.url), 'utf8'),
  ) as T;
}

export class RehearsedApi {
  readonly config: KubeConfig;
  readonly plane: ControlPlane;
  private readonly sockets = new Set<Socket>();
  private readonly port: number;
  private server: Server;

  private constructor(plane: ControlPlane, server: Server) {
    this.plane = plane;
    this.server = server;
    this.port = (server.address() as AddressInfo).port;
    this.config = loadConfig(withServer(plane.adminConf, { address: '127.0.0.1', port: this.port }));
    this.track(server);
  }

  static async start({
    dnsAllowed = () => Promise.resolve(),
  }: {
    dnsAllowed?: (signal: AbortSignal) => Promise<void>;
  } = {}): Promise<RehearsedApi> {
    const plane = await ControlPlane.start({
      node: 'u7s-n0',
      nodeIp: '10.100.23.100',
      hostIp: '127.0.0.1',
      port: 6443,
      graceMs: 3_600_000,
      dnsAllowed,
      log: () => {},
    });
    const server = createServer(plane.server.take).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const api = new RehearsedApi(plane, server);
    onTestFinished(async () => {
      await api.stop();
      await plane[Symbol.asyncDispose]();
    });
    return api;
  }

  put(type: ResourceType, ...objects: KubernetesObject[]): void {
    for (const object of objects) {
      this.plane.store.create(type, object as unknown as NewObject);
    }
  }

  nodes(): Record<string, unknown>[] {
    return this.plane.store.list(resourceTypes.nodes);
  }

  /** Refuses connections and breaks those that are there. */
  async stop(): Promise<void> {
    for (const socket of this.sockets) {
      socket.destroy();
    }
    if (this.server.listening) {
      this.server.close();
      await once(this.server, 'close');
    }
  }

  async restart(): Promise<void> {
    this.server = createServer(this.plane.server.take).listen(this.port, '127.0.0.1');
    this.track(this.server);
    await once(this.server, 'listening');
  }

  private track(server: Server): void {
    server.on('connection', (socket) => {
      this.sockets.add(socket);
      socket.on('close', () => this.sockets.delete(socket));
      socket.on('error', () => {});
    });
  }
}
