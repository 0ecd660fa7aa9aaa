/**
 * What a Nomad agent answered, and a server that answers the same again: for machines without an agent. A recording is a
 * list of exchanges in fixtures/nomad; the same question again gets the next answer that was recorded for it, the last one ever after.
 */
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

export type Exchange = {
  chapter: string;
  method: string;
  path: string;
  status: number;
  index?: string;
  body: string;
};
export type StandIn = {
  endpoint: string;
  /** A test of its own: how often the one before has asked is not the next one's matter. */
  begin: (chapter: string) => void;
  close: () => Promise<void>;
};

const FILE = new URL('../../fixtures/nomad/scenarios.json', import.meta.url);

/** Answers from the recording. */
export async function replay(): Promise<StandIn> {
  const exchanges = JSON.parse(readFileSync(FILE, 'utf8')) as Exchange[];
  const answers = new Map<string, Exchange[]>();
  let chapter = '';
  for (const exchange of exchanges) {
    const key = `${exchange.chapter} ${exchange.method} ${exchange.path}`;
    answers.set(key, [...(answers.get(key) ?? []), exchange]);
  }
  const standIn = await listen((incoming, outgoing) => {
    incoming.resume();
    const key = `${chapter} ${keyOf(incoming)}`;
    const left = answers.get(key);
    const exchange = left !== undefined && left.length > 1 ? left.shift() : left?.[0];
    if (exchange === undefined) {
      outgoing.writeHead(500).end(`not recorded: ${key}`);
      return;
    }
    outgoing.writeHead(
      exchange.status,
      exchange.index === undefined ? {} : { 'x-nomad-index': exchange.index },
    );
    outgoing.end(exchange.body);
  });
  const begin = (name: string) => {
    chapter = name;
  };
  return { ...standIn, begin };
}

/** Passes everything on to the agent, and writes down what it answers when it is closed. */
export async function record(agent: string): Promise<StandIn> {
  const exchanges: Exchange[] = [];
  let chapter = '';
  const standIn = await listen((incoming, outgoing) => {
    const { method = 'GET', url = '/', headers } = incoming;
    const passed = request(`${agent}${url}`, { method, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 500, answer.headers);
      outgoing.flushHeaders();
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => {
        chunks.push(chunk);
        outgoing.write(chunk);
      });
      answer.once('end', () => outgoing.end());
      // A log that is followed is left by the client.
      answer.once('close', () => {
        const index = answer.headers['x-nomad-index'];
        exchanges.push({
          chapter,
          method,
          path: keyOf(incoming).slice(method.length + 1),
          status: answer.statusCode ?? 500,
          ...(typeof index === 'string' && { index }),
          body: Buffer.concat(chunks).toString(),
        });
      });
      answer.on('error', () => outgoing.destroy());
    });
    passed.on('error', () => outgoing.destroy());
    outgoing.once('close', () => {
      // Of an empty log that is followed Nomad sends not even the head, until the client leaves.
      if (!outgoing.headersSent) {
        exchanges.push({
          chapter,
          method,
          path: keyOf(incoming).slice(method.length + 1),
          status: 200,
          body: '',
        });
      }
      passed.destroy();
    });
    incoming.pipe(passed);
  });
  const close = async () => {
    await standIn.close();
    writeFileSync(FILE, `${JSON.stringify(exchanges, null, 1)}\n`);
  };
  const begin = (name: string) => {
    chapter = name;
  };
  return { ...standIn, begin, close };
}

/** Which change a blocking query waits for is another each time. */
function keyOf({ method = 'GET', url = '/' }: IncomingMessage): string {
  const parsed = new URL(url, 'http://nomad');
  for (const name of ['index', 'wait', 'offset']) parsed.searchParams.delete(name);
  return `${method} ${parsed.pathname}${parsed.search}`;
}

async function listen(handler: Parameters<typeof createServer>[1]): Promise<Omit<StandIn, 'begin'>> {
  const server: Server = createServer(handler as never).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const close = async () => {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  };
  return { endpoint: `127.0.0.1:${port}`, close };
}
