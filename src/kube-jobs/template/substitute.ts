/** Putting values of parameters into objects: `${P}` inside strings and keys, `${{P}}` as a whole value of any type. */
import { UnetError } from '../../errors.ts';
import type { Json } from '../object.ts';
import type { ParameterValues } from './parameters.ts';

const REFERENCE = /\$\{([A-Za-z0-9_]+)\}/g;
const WHOLE_REFERENCE = /^\$\{\{([A-Za-z0-9_]+)\}\}$/;

/** Whether `text` refers to a parameter, whichever. */
export function refersToParameter(text: string): boolean {
  return text.search(REFERENCE) >= 0;
}

/** `text` with each known `${P}` replaced, once: a value that looks like a reference stays as it is. Unknown names stay, too. */
export function substituteText(text: string, values: ParameterValues): string {
  return text.replace(REFERENCE, (reference: string, name: string) => values.get(name) ?? reference);
}

/**
 * A copy of `value` with the parameters' values in it. A string that is `${{P}}` and nothing else becomes what the value
 * is as JSON, and where it is no JSON the string itself.
 *
 * @throws UnetError UNET_TEMPLATE_INVALID where two keys of one map become the same
 */
export function substitute(value: Json, values: ParameterValues): Json {
  if (typeof value === 'string') {
    return substituteString(value, values);
  }
  if (Array.isArray(value)) {
    return value.map((item) => substitute(item, values));
  }
  if (value === null || typeof value !== 'object') {
    return value;
  }
  const entries = Object.entries(value).map(([key, item]): [string, Json] => [
    substituteText(key, values),
    substitute(item, values),
  ]);
  const keys = entries.map(([key]) => key);
  const twice = keys.find((key, index) => keys.indexOf(key) !== index);
  if (twice !== undefined) {
    throw new UnetError('UNET_TEMPLATE_INVALID', `two keys of one map become "${twice}"`);
  }
  return Object.fromEntries(entries);
}

function substituteString(text: string, values: ParameterValues): Json {
  const name = WHOLE_REFERENCE.exec(text)?.[1];
  const whole = name === undefined ? undefined : values.get(name);
  return whole === undefined ? substituteText(text, values) : asJson(whole);
}

/** A number that JavaScript would change on its way to the server is refused: better than another one. */
function asJson(text: string): Json {
  let value: Json;
  try {
    value = JSON.parse(text) as Json;
  } catch {
    return text;
  }
  if (typeof value === 'number' && Math.abs(value) > Number.MAX_SAFE_INTEGER) {
    throw new UnetError(
      'UNET_TEMPLATE_PARAMETERS',
      `the number ${text} is too large; use \${P} instead of \${{P}}`,
    );
  }
  return value;
}
