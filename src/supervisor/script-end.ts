/** A scheduler that kills what is left when the job's script ends is told to run `unet down` first. */
import type { Settings } from '../config/schema.ts';
import { UnetError } from '../errors.ts';
import { ownProgram } from '../process/own-program.ts';
import type { Allocation } from '../scheduler/allocation.ts';
import type { SchedulerJob } from '../scheduler/scheduler.ts';

/**
 * Nothing where the scheduler has no such hook, or refuses it: the agents end by the signal that they get.
 *
 * @param jobDir while it is there, there is something to take down.
 */
export async function downAtScriptEnd(
  { atScriptEnd }: SchedulerJob,
  { kind, nodes }: Allocation,
  settings: Settings,
  jobDir: string,
  note: (line: string) => void,
): Promise<void> {
  if (atScriptEnd === undefined) {
    return;
  }
  const variables = [
    ['UNET_JOB_DIR', settings.jobDir],
    ['UNET_NODE_DIR', settings.nodeDir],
    ['UNET_NODES', nodes.length],
    ['UNET_NAME', settings.name],
  ].flatMap(([name, value]) => (value === undefined ? [] : [`${name}=${value}`]));
  const down = [...ownProgram(), 'down', '--allocation', kind, '--output', 'plain'];
  try {
    await atScriptEnd(['env', 'UNET_CONFIG=/dev/null', ...variables, ...down], jobDir);
  } catch (error) {
    note(`unet down cannot be run at the end of the script: ${UnetError.from(error).message}`);
  }
}
