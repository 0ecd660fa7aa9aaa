import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { linesOf, readLines } from '../../src/process/lines.ts';

/** What comes of these chunks, at most ten characters a line. */
async function read(...chunks: (string | Buffer)[]) {
  const input = new PassThrough();
  const lines: string[] = [];
  const tooLong: string[] = [];
  const ended = new Promise<void>((onEnd) =>
    readLines(input, {
      onLine: (line) => lines.push(line),
      onTooLong: (start) => tooLong.push(start),
      onEnd,
      maxChars: 10,
    }),
  );
  for (const chunk of chunks) {
    input.write(chunk);
  }
  input.end();
  await ended;
  return { lines, tooLong };
}

describe('the lines of a stream', () => {
  it('come whole, however they are cut, the last one also without a line end', async () => {
    expect((await read('on', 'e\ntw', 'o\r\n\nthree')).lines).toEqual(['one', 'two', '', 'three']);
  });

  it('keep characters that are cut in two, and other line ends of Unicode', async () => {
    const [first, second] = [Buffer.from('ƒ').subarray(0, 1), Buffer.from('ƒ').subarray(1)];
    expect((await read(first, second, 'x\u2028y\n')).lines).toEqual(['ƒx\u2028y']);
  });

  it('that are too long are passed over to their end, and said once', async () => {
    const { lines, tooLong } = await read(
      'before\n',
      'x'.repeat(8),
      'x'.repeat(8),
      'x'.repeat(50),
      'end\nafter\n',
    );
    expect(lines).toEqual(['before', 'after']);
    expect(tooLong).toEqual(['x'.repeat(16)]);
    expect((await read(`${'x'.repeat(11)}\nafter`)).lines).toEqual(['after']);
  });

  it('can be iterated', async () => {
    const input = new PassThrough();
    input.end(`one\n${'x'.repeat(11)}\ntwo`);
    const lines: string[] = [];
    for await (const line of linesOf(input, 10)) {
      lines.push(line);
    }
    expect(lines).toEqual(['one', 'two']);
  });
});
