/** A value that never prints itself. */
import { inspect } from 'node:util';

const MASK = '[secret]';

/** A bootstrap token or another secret: `[secret]` in strings, JSON and `inspect`; only `reveal` gives it away. */
export class Secret {
  // A private field, so that spreading, Object.entries and structuredClone do not find it either.
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  reveal(): string {
    return this.#value;
  }

  equals(other: Secret): boolean {
    return this.#value === other.#value;
  }

  toString(): string {
    return MASK;
  }

  toJSON(): string {
    return MASK;
  }

  [inspect.custom](): string {
    return MASK;
  }
}
