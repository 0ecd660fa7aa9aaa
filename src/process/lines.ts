/** Lines of a stream, none of them longer than a bound: a peer that never ends its line must not fill the memory. */
import type { Readable } from 'node:stream';

type Sink = {
  /** A whole line, without its line end. */
  onLine: (line: string) => void;
  /** A line was too long, and is passed over. @param start its first characters. */
  onTooLong?: (start: string) => void;
  /** Characters; 4 Mi unless given. */
  maxChars?: number;
};

export type LinesOptions = Sink & {
  /** The stream has ended or was destroyed. Once. */
  onEnd?: () => void;
};

// The longest of ours are the parts of a release, 64 KiB, and what is known of some hundred nodes.
const MAX_CHARS = 4 * 1024 * 1024;
const SHOWN_CHARS = 200;

/** Reads `input` to its end. Not readline, which keeps a line of any length, and also ends lines at U+2028. */
export function readLines(input: Readable, { onEnd = () => {}, ...sink }: LinesOptions): void {
  const splitter = createSplitter(sink);
  let ended = false;
  const end = () => {
    if (!ended) {
      ended = true;
      splitter.end();
      onEnd();
    }
  };
  input.setEncoding('utf8');
  input.on('data', splitter.push);
  input.once('end', end);
  input.once('close', end);
}

/** The same as an iterable, without those that are too long. @throws what the stream ends with. */
export async function* linesOf(input: Readable, maxChars = MAX_CHARS): AsyncIterable<string> {
  let waiting: string[] = [];
  const splitter = createSplitter({ onLine: (line) => waiting.push(line), maxChars });
  for await (const chunk of input.setEncoding('utf8')) {
    splitter.push(chunk);
    const lines = waiting;
    waiting = [];
    yield* lines;
  }
  splitter.end();
  yield* waiting;
}

function createSplitter({ onLine, onTooLong = () => {}, maxChars = MAX_CHARS }: Sink) {
  let rest = '';
  let skipping = false;
  const take = (line: string) => {
    if (skipping) {
      skipping = false;
    } else if (line.length > maxChars) {
      onTooLong(line.slice(0, SHOWN_CHARS));
    } else {
      onLine(line.endsWith('\r') ? line.slice(0, -1) : line);
    }
  };
  return {
    push: (chunk: string) => {
      const lines = chunk.split('\n');
      const last = lines.pop() ?? '';
      for (const line of lines) {
        take(rest + line);
        rest = '';
      }
      rest = skipping ? '' : rest + last;
      if (rest.length > maxChars) {
        onTooLong(rest.slice(0, SHOWN_CHARS));
        rest = '';
        skipping = true;
      }
    },
    end: () => {
      if (rest !== '') {
        take(rest);
        rest = '';
      }
    },
  };
}
