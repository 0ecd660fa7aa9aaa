/** The error for an agent that ended before it sent anything. */
import { UnetError } from '../errors.ts';
import type { Launcher } from './launcher.ts';

/** @param diagnostics the launcher's own lines. */
export function launchFailure(
  reason: string,
  diagnostics: readonly string[],
  { remedy }: Pick<Launcher, 'remedy'>,
): UnetError {
  return new UnetError('UNET_LAUNCH_FAILED', `the agent could not be started: ${reason}`, {
    tail: diagnostics.slice(-12),
    remedy,
  });
}

/** The remedy of a launcher with a command line that a user can try. */
export function tryByHand(command: string): string {
  return `the lines above are the launcher's own; try "${command}" in the same allocation`;
}
