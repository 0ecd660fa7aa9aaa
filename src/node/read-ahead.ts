/** Code that the first steps need, read and compiled while the agent waits for something else. */

/** Repeatable. */
export function readAhead(): void {
  Promise.all([import('execa'), import('../engine/yaml.ts')]).catch(() => {}); // who needs them says what is wrong
}
