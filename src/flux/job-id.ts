/** Flux job ids: 64 bits, shown in base 58 (RFC 19, "F58"). */

// Bitcoin's alphabet: no 0, O, I and l.
const ALPHABET = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz';

/** "fFRA1wV" or "ƒFRA1wV" in decimal, which flux takes as well; F58 has capitals, which names of ours cannot have. */
export function decimalJobId(f58: string): string | undefined {
  if (!/^[f\u0192][1-9A-HJ-NP-Za-km-z]{1,11}$/.test(f58)) {
    return undefined;
  }
  let id = 0n;
  for (const digit of f58.slice(1)) {
    id = id * 58n + BigInt(ALPHABET.indexOf(digit));
  }
  return String(id);
}
