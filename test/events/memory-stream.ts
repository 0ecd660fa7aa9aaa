import { Writable } from 'node:stream';
import type { TerminalStream } from '../../src/events/painter.ts';

export type MemoryStream = TerminalStream & { text: string };

/** A stream that remembers; with a size it is a terminal. */
export function memoryStream(size?: { columns: number; rows: number }): MemoryStream {
  const stream = new Writable({
    decodeStrings: false,
    write(chunk, _encoding, done) {
      memory.text += String(chunk);
      done();
    },
  });
  const memory = Object.assign(stream, { text: '', ...(size === undefined ? {} : { isTTY: true, ...size }) });
  return memory;
}
