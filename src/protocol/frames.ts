/**
 * Messages as lines that a launcher can carry. srun hands a task's output on in pieces of about a kilobyte, and
 * pieces of different tasks may mix, so a long message is cut into lines that are each short enough to stay whole.
 */
import * as z from 'zod';

// slurmstepd's MAX_MSG_LEN is 1024 bytes; the envelope around a piece takes the rest.
const MAX_LINE_CHARS = 900;
const PIECE_CHARS = 640;
// A kubeconfig is about 6 kB; nothing that an agent says is larger than a step's error with its last lines.
const MAX_PIECES = 2000;

// What a lost piece leaves behind is given up when there is too much of it: the oldest first.
const MAX_PARTIAL = 512;
const MAX_PARTIAL_CHARS = 32 * 1024 * 1024;

const Piece = z.object({
  piece: z.string().max(300),
  of: z.number().int().positive().max(MAX_PIECES),
  at: z.number().int().nonnegative(),
  data: z.string().max(PIECE_CHARS),
});

let counter = 0;

/** `message` as JSON in one line of ASCII: readline also ends lines at U+2028 and U+2029, and srun cuts at bytes. */
export function jsonLine(message: unknown): string {
  return JSON.stringify(message).replace(
    /[\u007f-\uffff]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/**
 * The lines that carry `message`; most messages are one line of JSON. `sender` tells pieces of different nodes apart.
 *
 * @throws RangeError when it is too long to be put back together; a message of ours has bounded parts only.
 */
export function toLines(message: unknown, sender: string): string[] {
  const json = jsonLine(message);
  if (json.length <= MAX_LINE_CHARS) {
    return [json];
  }
  const encoded = Buffer.from(json, 'latin1').toString('base64');
  const of = Math.ceil(encoded.length / PIECE_CHARS);
  if (of > MAX_PIECES) {
    throw new RangeError(`a message of ${json.length} characters is too long`);
  }
  counter += 1;
  const piece = `${sender}.${counter}`;
  return Array.from({ length: of }, (_, at) =>
    JSON.stringify({ piece, of, at, data: encoded.slice(at * PIECE_CHARS, (at + 1) * PIECE_CHARS) }),
  );
}

type Partial = { of: number; pieces: Map<number, string>; chars: number };

/** Puts lines back together. What is no message (a module's banner on stdout) goes to `onNoise`. */
export function createAssembler(
  onMessage: (message: unknown) => void,
  onNoise: (line: string) => void,
): (line: string) => void {
  const partial = new Map<string, Partial>();
  let chars = 0;
  const forget = (id: string, message: Partial) => {
    partial.delete(id);
    chars -= message.chars;
  };
  const add = (id: string, of: number, at: number, data: string): Partial | undefined => {
    const message = partial.get(id) ?? { of, pieces: new Map(), chars: 0 };
    if (message.of !== of || at >= of || message.pieces.has(at)) {
      return undefined;
    }
    message.pieces.set(at, data);
    message.chars += data.length;
    chars += data.length;
    // To the end of the order: what goes first has waited longest.
    partial.delete(id);
    partial.set(id, message);
    for (const [oldest, waiting] of partial) {
      if (partial.size <= MAX_PARTIAL && chars <= MAX_PARTIAL_CHARS) {
        break;
      }
      forget(oldest, waiting);
      onNoise(`a message of ${waiting.of} pieces that never came whole (${oldest})`);
    }
    return message;
  };
  return (line) => {
    const value = parse(line);
    if (value === undefined) {
      onNoise(line);
      return;
    }
    const piece = Piece.safeParse(value);
    if (!piece.success) {
      onMessage(value);
      return;
    }
    const { piece: id, of, at, data } = piece.data;
    const message = add(id, of, at, data);
    if (message === undefined) {
      onNoise(line);
    } else if (message.pieces.size === of) {
      forget(id, message);
      const ordered = Array.from({ length: of }, (_, index) => message.pieces.get(index) ?? '');
      const whole = parse(Buffer.from(ordered.join(''), 'base64').toString('utf8'));
      if (whole === undefined) {
        onNoise(`a message of ${of} pieces that is not JSON (${id})`);
      } else {
        onMessage(whole);
      }
    }
  };
}

function parse(line: string): object | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}
