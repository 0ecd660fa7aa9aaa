/** A Flux instance ends with its script, and kills what is left after five seconds: so it is told to run `unet down` first. */
import type { Allocation } from '../allocation/allocation.ts';
import type { Settings } from '../config/schema.ts';
import { UnetError } from '../errors.ts';
import { pushCleanup } from '../flux/cleanup.ts';
import { fluxEnvironment } from '../flux/flux.ts';

/**
 * Nothing outside of Flux. Where Flux does not take it the agents end by the signal that the instance's end sends them.
 *
 * @param jobDir while it is there, there is something to take down.
 */
export async function downAtScriptEnd(
  allocation: Allocation,
  settings: Settings,
  jobDir: string,
  env: NodeJS.ProcessEnv,
  note: (line: string) => void,
): Promise<void> {
  if (allocation.flux === undefined) {
    return;
  }
  const variables = [
    ['UNET_JOB_DIR', settings.jobDir],
    ['UNET_NODE_DIR', settings.nodeDir],
    ['UNET_NODES', allocation.nodes.length],
    ['UNET_NAME', settings.name],
  ].flatMap(([name, value]) => (value === undefined ? [] : [`${name}=${value}`]));
  const argv = [
    'env',
    'UNET_CONFIG=/dev/null',
    ...variables,
    process.execPath,
    process.argv[1] ?? 'unet',
    'down',
    '--allocation',
    'flux',
    '--output',
    'plain',
  ];
  try {
    await pushCleanup(argv, jobDir, { env: fluxEnvironment(env, allocation.flux.uri) });
  } catch (error) {
    note(`flux admin cleanup-push: ${UnetError.from(error).message}`);
  }
}
