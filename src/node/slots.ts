/**
 * Ports are taken in slots of four, so that two jobs, or two users, share a node. A slot is claimed by a fifth port, on the loopback
 * interface: the kernel gives it to one process of the network namespace, whoever owns it, and takes it back when that process ends,
 * however it ends. Not by an abstract unix socket, which Node 20 and 22 name differently.
 */
import { createSocket, type Socket } from 'node:dgram';
import { createServer } from 'node:net';
import type { Ports } from '../protocol/ports.ts';

// The node subnets of a slot are 10.(100+slot).x: 64 slots stay clear of the pod network 10.244.0.0/16.
export const SLOTS = 64;
// Slot 0 is upstream's own; the others stay below the usual ephemeral range (32768 on Linux).
const FIRST_PORT = 20_000;

export function portsOfSlot(slot: number): Ports {
  if (slot === 0) {
    return { etcd: 2379, kubelet: 10250, flannel: 8472, apiServer: 6443 };
  }
  const base = FIRST_PORT + slot * 10;
  return { etcd: base, kubelet: base + 1, flannel: base + 2, apiServer: base + 3 };
}

/** The UDP port that is bound for as long as a slot is held. */
export function claimPortOfSlot(slot: number): number {
  return FIRST_PORT + slot * 10 + 9;
}

export type SlotClaim = { slot: number; release: () => void };

/**
 * Claims `from` or the first free slot after it, those below it last; undefined when none is left.
 *
 * @param count how many slots to look at.
 */
export async function claimSlot(from: number, count = SLOTS): Promise<SlotClaim | undefined> {
  for (let step = 0; step < count; step += 1) {
    const slot = (from + step) % SLOTS;
    const holder = await bindUdp({ port: claimPortOfSlot(slot), address: '127.0.0.1' });
    if (holder !== undefined) {
      const ports = portsOfSlot(slot);
      const free = await Promise.all([
        ...[ports.etcd, ports.kubelet, ports.apiServer].map(tcpFree),
        udpFree(ports.flannel),
      ]);
      if (free.every((isFree) => isFree)) {
        return { slot, release: releasing(holder) };
      }
      holder.close();
    }
  }
  return undefined;
}

/** Repeatable: a closed socket cannot be closed again. */
function releasing(holder: Socket): () => void {
  let held = true;
  return () => {
    if (held) {
      held = false;
      holder.close();
    }
  };
}

function tcpFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer((socket) => socket.destroy());
    server.once('error', () => resolve(false));
    server.listen({ port, host: '0.0.0.0', exclusive: true }, () => server.close(() => resolve(true)));
  });
}

async function udpFree(port: number): Promise<boolean> {
  const socket = await bindUdp({ port, address: '0.0.0.0' });
  socket?.close();
  return socket !== undefined;
}

/** Undefined when another process has it. It keeps no process alive. */
function bindUdp(where: { port: number; address: string }): Promise<Socket | undefined> {
  return new Promise((resolve) => {
    const socket = createSocket('udp4').unref();
    socket.once('error', () => {
      socket.close();
      resolve(undefined);
    });
    socket.bind({ ...where, exclusive: true }, () => resolve(socket));
  });
}
