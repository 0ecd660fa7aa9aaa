/** Quoting for POSIX shells. */

/** `text` as one word, in single quotes. */
export function shellQuote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
