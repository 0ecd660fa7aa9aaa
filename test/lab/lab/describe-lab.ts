import { describe, it } from 'vitest';
import { labUnavailable } from './unavailable.ts';

/**
 * A `describe` that is skipped, with the reason in its title, where the lab cannot run. With CI=true the
 * reason is a failure instead: a suite that silently skips its scenarios proves nothing.
 */
export function describeLab(title: string, scenarios: () => void): void {
  const reason = labUnavailable();
  if (reason === undefined) {
    describe(title, scenarios);
    return;
  }
  if (process.env.CI === 'true') {
    describe(title, () => {
      it('has a lab to run in', () => {
        throw new Error(reason);
      });
    });
    return;
  }
  console.warn(`skipped: ${title}: ${reason}`);
  describe.skip(`${title} (skipped: ${reason})`, scenarios);
}
