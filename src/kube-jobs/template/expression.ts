/**
 * Values that a template has generated: `generate: expression`, with the pattern in `from`. Not regular expressions, but
 * `[class]{N}` between text that stays, see "Writing template parameters" in OpenShift's documentation.
 */
import { randomInt } from 'node:crypto';
import { UnetError } from '../../errors.ts';

const ALPHABET = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ';
const NUMERALS = '0123456789';
const SYMBOLS = '~!@#$%^&*()-_+={}[]\\|<,>.?/"\';:`';

/** As documented: `\w` is [a-zA-Z0-9_], `\d` [0-9], `\a` [a-zA-Z], `\A` punctuation and symbols. */
const CLASSES: Readonly<Record<string, string>> = {
  '\\w': `${ALPHABET}${NUMERALS}_`,
  '\\d': NUMERALS,
  '\\a': ALPHABET,
  '\\A': SYMBOLS,
};

const MAX_LENGTH = 255;
const PATTERN = /\[([a-zA-Z0-9\-\\]+)\]\{([0-9]+)\}/g;
const CLASS_PART = /\\[a-zA-Z]|[a-zA-Z0-9]-[a-zA-Z0-9]|[a-zA-Z0-9]|[-\\]/g;

/**
 * Replaces each `[class]{N}` of `from` by N random characters of the class; the rest stays as it is. What was generated is
 * not looked at again.
 *
 * @throws UnetError UNET_TEMPLATE_INVALID for a class that is none, a reversed range, or an N that is not 1 to 255
 */
export function generate(
  from: string,
  pick: (below: number) => number = (below) => randomInt(below),
): string {
  return from.replace(PATTERN, (expression: string, characters: string, digits: string) => {
    const length = Number(digits);
    if (length < 1 || length > MAX_LENGTH) {
      throw invalid(expression, `its length must be 1 to ${MAX_LENGTH}`);
    }
    const allowed = (characters.match(CLASS_PART) ?? []).map((part) => membersOf(part, expression)).join('');
    return Array.from({ length }, () => allowed.charAt(pick(allowed.length))).join('');
  });
}

function membersOf(part: string, expression: string): string {
  const named = CLASSES[part];
  if (named !== undefined) {
    return named;
  }
  if (part.startsWith('\\')) {
    throw invalid(expression, `there is no ${part}; there are ${Object.keys(CLASSES).join(', ')}`);
  }
  if (part === '-') {
    throw invalid(expression, 'its "-" is between no two characters');
  }
  const [from = '', to = from] = part.split('-');
  const kind = [ALPHABET.slice(0, 26), ALPHABET.slice(26), NUMERALS].find((one) => one.includes(from)) ?? '';
  const [first, last] = [kind.indexOf(from), kind.indexOf(to)];
  if (last < first) {
    throw invalid(expression, `${part} is not a range`);
  }
  return kind.slice(first, last + 1);
}

function invalid(expression: string, why: string): UnetError {
  return new UnetError('UNET_TEMPLATE_INVALID', `${expression}: ${why}`);
}
