import { redact } from '../process/redact.ts';

/** One line of JSON whose texts have lost their secrets; redacting the finished line would break its quotes. */
export function redactedJson(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) => (typeof inner === 'string' ? redact(inner) : inner));
}
