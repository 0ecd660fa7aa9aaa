/** An error as people read it. */
import type { ErrorRecord } from '../errors.ts';
import { redact } from '../process/redact.ts';

/**
 * The lines of an error block: code, node, step and what happened; the last output, indented; the log; the
 * remedy. Without secrets and without colours.
 */
export function errorLines(error: ErrorRecord): string[] {
  const place = [
    error.node === undefined ? '' : ` on ${error.node}`,
    error.step === undefined ? '' : ` in step ${error.step}`,
  ].join('');
  const [first = '', ...more] = error.message.split('\n');
  return [
    `${error.code}${place}: ${first}`,
    ...more.map((line) => `  ${line}`),
    ...(error.tail ?? []).map((line) => `    | ${line}`),
    ...(error.log === undefined ? [] : [`  log: ${error.log}`]),
    ...(error.remedy === undefined ? [] : [`  what to do: ${error.remedy}`]),
  ].map(redact);
}
