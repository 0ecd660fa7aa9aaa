/** "Did you mean": the nearest of the names that exist. */
import { distance } from 'fastest-levenshtein';

/** The nearest of `candidates` to what was typed, when near enough to be what was meant. */
export function nearest(typed: string, candidates: readonly string[]): string | undefined {
  const wanted = typed.toLowerCase();
  const ranked = candidates
    .map((name) => ({ name, score: misspelling(wanted, name.toLowerCase()) }))
    .filter(({ name, score }) => score <= Math.max(1, Math.floor(Math.max(name.length, wanted.length) * 0.4)))
    .sort((a, b) => a.score - b.score);
  return ranked[0]?.name ?? soleExtension(wanted, candidates);
}

/** `; did you mean X?` or nothing. */
export function didYouMean(typed: string, candidates: readonly string[], prefix = ''): string {
  const name = nearest(typed, candidates);
  return name === undefined ? '' : `; did you mean ${prefix}${name}?`;
}

/** Letters in a wrong order are the commonest slip, and two edits to Levenshtein. */
function misspelling(typed: string, name: string): number {
  const sorted = (text: string) => [...text].sort().join('');
  return typed !== name && sorted(typed) === sorted(name) ? 1 : distance(typed, name);
}

/** `stat` means `status` when nothing else begins so. */
function soleExtension(wanted: string, candidates: readonly string[]): string | undefined {
  const longer = wanted.length < 2 ? [] : candidates.filter((name) => name.toLowerCase().startsWith(wanted));
  return longer.length === 1 ? longer[0] : undefined;
}
