/** An agent's way to its supervisor. */
import { setTimeout as sleep } from 'node:timers/promises';
import { connect, type TLSSocket } from 'node:tls';
import type { MeetingPlace, MeetingPoint } from '../attach/meeting-point.ts';
import { clientTls } from '../attach/tls.ts';
import { jsonLine } from '../protocol/frames.ts';

const CONNECT_TIMEOUT_MS = 10_000;
const POLL_MS = 1000;

/**
 * Resolves with the connection that carries the agent's lines. A meeting point where nobody answers is an old one: the next is
 * waited for, until `signal` aborts.
 */
export async function connectAgent(
  place: MeetingPlace,
  { node, isLead }: { node: string; isLead: boolean },
  signal: AbortSignal,
): Promise<TLSSocket> {
  for (;;) {
    const point = await place.watch(signal);
    const addresses = isLead ? ['127.0.0.1', ...point.addresses] : point.addresses;
    try {
      const socket = await firstToAnswer(point, addresses, signal);
      // Said by its end too.
      socket.on('error', () => socket.destroy());
      socket.write(`${jsonLine({ attach: node })}\n`);
      return socket;
    } catch {
      signal.throwIfAborted();
      await sleep(POLL_MS, undefined, { signal }).catch(() => signal.throwIfAborted());
    }
  }
}

/** All at once: an address of the lead that this node has no route to takes its whole time-out to say so. */
async function firstToAnswer(
  point: MeetingPoint,
  addresses: readonly string[],
  signal: AbortSignal,
): Promise<TLSSocket> {
  const lost = new AbortController();
  const tries = addresses.map((host) => tryAddress(host, point, AbortSignal.any([signal, lost.signal])));
  try {
    return await Promise.any(tries);
  } finally {
    lost.abort();
  }
}

function tryAddress(host: string, { port, key }: MeetingPoint, signal: AbortSignal): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, ...clientTls(Buffer.from(key, 'base64')) });
    const timer = setTimeout(() => fail(new Error(`no answer from ${host}`)), CONNECT_TIMEOUT_MS);
    const onAbort = () => fail(signal.reason);
    const settle = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
    };
    const fail = (error: unknown) => {
      settle();
      socket.destroy();
      reject(error);
    };
    socket.once('error', fail);
    signal.addEventListener('abort', onAbort, { once: true });
    socket.once('secureConnect', () => {
      if (signal.aborted) {
        return; // Another address was faster.
      }
      settle();
      socket.removeListener('error', fail);
      socket.setKeepAlive(true, CONNECT_TIMEOUT_MS);
      socket.setNoDelay(true);
      resolve(socket);
    });
  });
}
