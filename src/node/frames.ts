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

const Piece = z.object({ piece: z.string(), of: z.number().int().positive().max(MAX_PIECES), at: z.number().int().nonnegative(), data: z.string() });

let counter = 0;

/** The lines that carry `message`; most messages are one line of JSON. `sender` tells pieces of different nodes apart. */
export function toLines(message: unknown, sender: string): string[] {
  const json = JSON.stringify(message);
  // Non-ASCII text would make bytes differ from characters; pieces are escaped to ASCII by base64.
  if (json.length <= MAX_LINE_CHARS && Buffer.byteLength(json) <= MAX_LINE_CHARS) {
    return [json];
  }
  const encoded = Buffer.from(json, 'utf8').toString('base64');
  const of = Math.ceil(encoded.length / PIECE_CHARS);
  counter += 1;
  const piece = `${sender}.${counter}`;
  return Array.from({ length: of }, (_, at) =>
    JSON.stringify({ piece, of, at, data: encoded.slice(at * PIECE_CHARS, (at + 1) * PIECE_CHARS) }),
  );
}

/** Puts lines back together. What is no message (a module's banner on stdout) goes to `onNoise`. */
export function createAssembler(onMessage: (message: unknown) => void, onNoise: (line: string) => void): (line: string) => void {
  const partial = new Map<string, string[]>();
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
    const pieces = partial.get(id) ?? [];
    pieces[at] = data;
    partial.set(id, pieces);
    if (Object.keys(pieces).length === of) {
      partial.delete(id);
      const whole = parse(Buffer.from(pieces.join(''), 'base64').toString('utf8'));
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
