/** Other places for the same repositories: a site's mirror stands in for what its nodes cannot reach. */

const BEGINNING = /^([a-z][a-z0-9+.-]*:\/\/|[\w.-]+@[\w.-]+:)\S*$/i;
const PASSWORD = /^[a-z][a-z0-9+.-]*:\/\/[^/@]*:[^/@]*@/i;

/** Whether `text` is FROM=TO: two beginnings of URLs, neither with a password, which others could see. */
export function isMirror(text: string): boolean {
  const { from, to } = split(text);
  return [from, to].every((url) => BEGINNING.test(url) && !PASSWORD.test(url));
}

/** Where to fetch `url`: with the longest FROM that it begins with replaced by its TO. */
export function mirrored(url: string, mirrors: readonly string[]): string {
  const [best] = mirrors
    .map(split)
    .filter(({ from }) => url.startsWith(from))
    .sort((one, other) => other.from.length - one.from.length);
  return best === undefined ? url : `${best.to}${url.slice(best.from.length)}`;
}

function split(text: string): { from: string; to: string } {
  const at = text.indexOf('=');
  return { from: text.slice(0, Math.max(at, 0)), to: text.slice(at + 1) };
}
