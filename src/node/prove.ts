/**
 * The agents' proof that the nodes reach each other, before anything is started: on the UDP port that flannel will use (VXLAN), each
 * with each, and on the TCP port of the API server, each with the lead.
 */
import { createSocket, type Socket as Datagrams } from 'node:dgram';
import { connect, createServer, type Server } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ToAgents } from '../protocol/to-agents.ts';

type Probe = Extract<ToAgents, { type: 'probe' }>;

export type Proof = {
  /** Resolves when all have answered, or the time is over. */
  result: Promise<{ unanswered: string[]; lead?: string | undefined }>;
  /** Until then it answers the others. */
  close: () => Promise<void>;
};

export const PROBE_MS = 5000;
const AGAIN_MS = 100;
const WORD = 'unet-probe';

/** @param node this one. `lead` of the result: why the TCP port of the lead was not reached. */
export async function startProof(node: string, probe: Probe, limitMs = PROBE_MS): Promise<Proof> {
  const { peers, lead, ports, key } = probe;
  const missing = new Set(Object.keys(peers).filter((name) => name !== node));
  const datagrams = await bindDatagrams(ports.flannel);
  const done = new AbortController();
  let closing: Promise<void> | undefined;
  const server = node === lead ? await listen(ports.apiServer, key) : undefined;
  datagrams?.on('message', (data, { address, port }) => {
    const [word, itsKey, kind, from = ''] = data.toString('latin1').split(' ');
    if (word !== WORD || itsKey !== key) {
      return;
    }
    if (kind === 'ask') {
      datagrams.send(`${WORD} ${key} answer ${node}`, port, address, () => {});
    } else if (missing.delete(from) && missing.size === 0) {
      done.abort();
    }
  });
  const ask = async () => {
    const until = performance.now() + limitMs;
    while (missing.size > 0 && !done.signal.aborted && performance.now() < until) {
      for (const name of missing) {
        datagrams?.send(`${WORD} ${key} ask ${node}`, ports.flannel, peers[name], () => {});
      }
      await sleep(AGAIN_MS, undefined, { signal: done.signal }).catch(() => {});
    }
  };
  const reach = async () =>
    node === lead ? undefined : await whyUnreached(peers[lead] ?? '', ports.apiServer, key, limitMs);
  return {
    result: Promise.all([reach(), ask()]).then(([unreached]) => ({
      unanswered: [...missing],
      ...(unreached === undefined ? {} : { lead: unreached }),
    })),
    close: () => {
      done.abort();
      closing ??= Promise.all([closed(datagrams), closed(server)]).then(() => {});
      return closing;
    },
  };
}

/** Undefined when the port is taken: then nothing answers, which is said. */
function bindDatagrams(port: number): Promise<Datagrams | undefined> {
  return new Promise((resolve) => {
    const socket = createSocket('udp4');
    socket.once('error', () => resolve(undefined));
    socket.bind({ port, address: '0.0.0.0', exclusive: true }, () => {
      socket.removeAllListeners('error');
      socket.on('error', () => {}); // a peer that refuses is one that does not answer
      resolve(socket);
    });
  });
}

/** Says the key to whoever connects. */
function listen(port: number, key: string): Promise<Server | undefined> {
  return new Promise((resolve) => {
    const server = createServer((socket) => {
      socket.on('error', () => {});
      socket.setTimeout(AGAIN_MS, () => socket.destroy());
      socket.end(key);
    });
    server.once('error', () => resolve(undefined));
    server.listen({ port, host: '0.0.0.0', exclusive: true }, () => resolve(server));
  });
}

/** Again while it is refused: the lead may not listen yet. Undefined when it has said the key. */
async function whyUnreached(
  host: string,
  port: number,
  key: string,
  limitMs: number,
): Promise<string | undefined> {
  const until = performance.now() + limitMs;
  for (;;) {
    const said = await hear(host, port, Math.max(1, until - performance.now()));
    if (said.text === key) {
      return undefined;
    }
    if (performance.now() + AGAIN_MS > until) {
      return said.error ?? 'something else answers there';
    }
    await sleep(AGAIN_MS);
  }
}

function hear(host: string, port: number, limitMs: number): Promise<{ text: string; error?: string }> {
  return new Promise((resolve) => {
    let text = '';
    const socket = connect({ host, port });
    const finish = (error?: string) => {
      clearTimeout(timer);
      socket.destroy();
      resolve({ text, ...(error === undefined ? {} : { error }) });
    };
    const timer = setTimeout(() => finish('no answer'), limitMs);
    socket.on('data', (data) => {
      text += data.toString('latin1').slice(0, 100);
    });
    socket.once('end', () => finish());
    socket.once('error', ({ message }) => finish(message));
  });
}

function closed(one: { close: (callback: () => void) => unknown } | undefined): Promise<void> {
  return new Promise((resolve) => {
    if (one === undefined) {
      resolve();
      return;
    }
    one.close(() => resolve());
  });
}
