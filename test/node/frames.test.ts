import { createInterface } from 'node:readline';
import { PassThrough } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createAssembler, jsonLine, toLines } from '../../src/protocol/frames.ts';

function assembler() {
  const messages: unknown[] = [];
  const noise: string[] = [];
  return {
    messages,
    noise,
    line: createAssembler(
      (message) => messages.push(message),
      (line) => noise.push(line),
    ),
  };
}

/** What a message may have in it: any text, long ones too. */
const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 60 }),
  fc.string({ unit: 'grapheme', maxLength: 3000 }),
  fc.constant('\u2028\u2029\r\n\u0085'),
);
const message = fc.record({
  type: fc.constant('warning'),
  node: fc.constantFrom('n0', 'n1'),
  message: text,
  at: fc.integer(),
});

describe('messages as lines', () => {
  it('come out whole, however the lines of several nodes are mixed and whatever is said between', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.record({ sender: fc.constantFrom('n0', 'n1', `${'h'.repeat(63)}.${'d'.repeat(180)}`), message }),
          { maxLength: 8 },
        ),
        fc.array(
          fc.string({ maxLength: 40 }).filter((line) => !isJsonObject(line)),
          { maxLength: 4 },
        ),
        fc.infiniteStream(fc.nat()),
        (sent, banners, random) => {
          const { messages, noise, line } = assembler();
          const queues = [
            ...sent.map(({ sender, message: one }) => toLines(one, sender)),
            [...banners],
          ].filter((queue) => queue.length > 0);
          while (queues.length > 0) {
            const index = (random.next().value ?? 0) % queues.length;
            line(queues[index]?.shift() ?? '');
            queues.splice(0, queues.length, ...queues.filter((queue) => queue.length > 0));
          }
          const asText = (values: unknown[]) => values.map((value) => JSON.stringify(value)).sort();
          expect(asText(messages)).toEqual(asText(sent.map(({ message: one }) => one)));
          expect(noise.sort()).toEqual([...banners].sort());
        },
      ),
    );
  });

  it('are short enough for srun to keep them whole', () => {
    fc.assert(
      fc.property(message, fc.stringMatching(/^[a-z0-9.-]{1,253}$/), (one, sender) => {
        for (const line of toLines(one, sender)) {
          // 1024 with the line end: what srun 22.05 keeps in one piece.
          expect(Buffer.byteLength(line)).toBeLessThanOrEqual(1023);
        }
      }),
    );
  });

  it('survive a reader of lines, which also ends them at U+2028', async () => {
    const sent = { type: 'warning', message: 'a\u2028b\u2029c\rd\ne ä €' };
    const stream = new PassThrough();
    stream.end(`${jsonLine(sent)}\n`);
    const lines: string[] = [];
    for await (const line of createInterface({ input: stream })) {
      lines.push(line);
    }
    expect(lines).toHaveLength(1);
    expect(JSON.parse(lines[0] ?? '')).toEqual(sent);
  });
});

describe('what is no message', () => {
  it('is noise: banners, numbers, half a line', () => {
    const { noise, messages, line } = assembler();
    const said = ['Welcome to the cluster', '42', 'null', '"text"', '{"type":"beat"', ''];
    said.forEach(line);
    expect(noise).toEqual(said);
    expect(messages).toEqual([]);
  });

  it('is a piece that contradicts its message, or was there already', () => {
    const { noise, messages, line } = assembler();
    const [first = '', ...rest] = toLines({ message: 'x'.repeat(3000) }, 'n0');
    line(first);
    line(first);
    line(first.replace(/"of":\d+/, '"of":2'));
    line(first.replace('"at":0', '"at":1999'));
    expect(noise).toHaveLength(3);
    rest.forEach(line);
    expect(messages).toHaveLength(1);
  });

  it('does not fill the memory when pieces are lost', () => {
    const { noise, messages, line } = assembler();
    // Each message of a megabyte loses its last piece: together 200 MB.
    const lines = toLines({ message: 'x'.repeat(700_000) }, 'n0').slice(0, -1);
    for (let index = 0; index < 200; index += 1) {
      for (const one of lines) {
        line(one.replace(/"piece":"n0\.\d+"/, `"piece":"n0.lost${index}"`));
      }
    }
    expect(messages).toEqual([]);
    // The oldest were given up, and said so.
    expect(noise.length).toBeGreaterThan(100);
    expect(noise[0]).toContain('never came whole (n0.lost0)');
    toLines({ message: 'y'.repeat(2000) }, 'n1').forEach(line);
    expect(messages).toEqual([{ message: 'y'.repeat(2000) }]);
  });
});

function isJsonObject(line: string): boolean {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null;
  } catch {
    return false;
  }
}
