import { at, type KubeObject } from './objects.ts';
import { badRequest } from './status-error.ts';

export type Selector = (object: KubeObject) => boolean;

/**
 * Reads a label selector: `a=b`, `a==b`, `a!=b`, `a`, `!a`, `a in (x,y)`, `a notin (x,y)`, all of them
 * with commas between.
 *
 * @throws StatusError 400
 */
export function labelSelector(text: string): Selector {
  const requirements = splitOutsideParentheses(text).map(labelRequirement);
  return (object) => {
    const labels = object.metadata.labels ?? {};
    return requirements.every((holds) => holds(labels));
  };
}

/**
 * Reads a field selector: `path=value` or `path!=value`, with commas between. Any path is taken.
 *
 * @throws StatusError 400
 */
export function fieldSelector(text: string): Selector {
  const requirements = text
    .split(',')
    .filter(Boolean)
    .map((part) => {
      const match = /^([^=!]+)(!=|==?)(.*)$/.exec(part);
      if (match === null) throw badRequest(`unable to parse field selector "${part}"`);
      return { path: (match[1] ?? '').trim().split('.'), equal: match[2] !== '!=', value: match[3] ?? '' };
    });
  return (object) =>
    requirements.every(({ path, equal, value }) => (String(at(object, ...path) ?? '') === value) === equal);
}

function labelRequirement(part: string): (labels: Record<string, string>) => boolean {
  const set = /^\s*(\S+)\s+(in|notin)\s*\(([^)]*)\)\s*$/.exec(part);
  if (set !== null) {
    const [, key = '', operator, list = ''] = set;
    const values = list.split(',').map((value) => value.trim());
    return (labels) => values.includes(labels[key] ?? '\0') === (operator === 'in');
  }
  const match = /^\s*(!?)([\w./-]+)\s*(?:(!=|==?)\s*([\w.-]*))?\s*$/.exec(part);
  if (match === null) throw badRequest(`unable to parse requirement: "${part}"`);
  const [, not, key = '', operator, value = ''] = match;
  if (operator === undefined) return (labels) => key in labels === (not === '');
  return (labels) => (labels[key] === value) === (operator !== '!=');
}

function splitOutsideParentheses(text: string): string[] {
  return text.split(/,(?![^(]*\))/).filter((part) => part.trim() !== '');
}
