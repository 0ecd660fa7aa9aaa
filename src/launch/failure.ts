/** What to say when an agent ended before it spoke. */
import { UnetError } from '../errors.ts';

/** @param diagnostics the launcher's own lines. @param kind the launcher's name. */
export function launchFailure(reason: string, diagnostics: readonly string[], kind = 'srun'): UnetError {
  const trial = kind === 'srun' ? 'srun --overlap hostname' : `${kind} hostname`;
  return new UnetError('UNET_LAUNCH_FAILED', `the agent could not be started: ${reason}`, {
    tail: diagnostics.slice(-12),
    remedy:
      kind === 'prolog'
        ? 'the prolog of that node has started it: see what it says in the log of slurmd or Flux'
        : `the lines above are the launcher's own; try "${trial}" in the same allocation`,
  });
}
