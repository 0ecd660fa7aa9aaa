/** Counting and checksumming what goes by. */
import { createHash } from 'node:crypto';
import type { Bytes } from './compression.ts';

export type Tally = { bytes: number; sha256: string };

/** Passes `input` on; `tally` is right once it has ended. */
export function tallied(
  input: Bytes,
  onBytes: (count: number) => void = () => {},
): { bytes: Bytes; tally: () => Tally } {
  const hash = createHash('sha256');
  let bytes = 0;
  let sum: string | undefined;
  return {
    bytes: (async function* () {
      for await (const chunk of input) {
        hash.update(chunk);
        bytes += chunk.byteLength;
        onBytes(chunk.byteLength);
        yield chunk;
      }
    })(),
    tally: () => {
      sum ??= hash.digest('hex');
      return { bytes, sha256: sum };
    },
  };
}
