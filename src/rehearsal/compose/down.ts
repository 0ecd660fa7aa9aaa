import { setTimeout as delay } from 'node:timers/promises';
import { sufferFault } from '../faults/apply.ts';
import { faultOf, parseFaults } from '../faults/grammar.ts';
import { prepareTries } from '../faults/tries.ts';
import { readContainer, removeContainer } from '../state/container.ts';
import { endProcesses, findDaemons } from '../state/daemon-process.ts';
import type { Project } from '../state/project.ts';

/** `down [-v]`: ends the node's daemon and removes its state; fine when there is nothing. */
export async function down(project: Project, volumes: boolean, signal: AbortSignal): Promise<number> {
  const container = readContainer(project);
  const node = container?.node ?? process.env.NODE_NAME ?? '';
  const faults = parseFaults(process.env.UNET_REHEARSAL ?? '');
  // Only where there is something to remove: down must not create what it is there to take away.
  if (faults.length > 0 && container !== undefined) prepareTries(project.rehearsalDirectory, node);
  const fault = faultOf(faults, 'down', node);
  const mode = await sufferFault(fault, { ...project, node, signal });
  if (mode !== undefined) {
    process.stderr.write(`Error: container ${container?.id} is not stopping: timed out waiting for exit\n`);
    return 125;
  }
  await endProcesses(findDaemons(project), project);
  removeContainer(project);
  // A daemon that was just starting when the look was taken would otherwise be left behind.
  await delay(0);
  await endProcesses(findDaemons(project), project);
  print(project, container?.podId, volumes);
  return 0;
}

function print(project: Project, podId: string | undefined, volumes: boolean): void {
  const container = `${project.name}_node_1`;
  if (podId === undefined) {
    const gone = `Error: no container with name or ID "${container}" found: no such container\n`;
    process.stderr.write(
      `${gone}${gone}Error: no pod with name or ID pod_${project.name} found: no such pod\n`,
    );
    return;
  }
  const names = volumes ? ['etc', 'opt', 'var'].map((name) => `${project.name}_node-${name}`) : [];
  const lines = [container, container, ...names, podId, `${project.name}_default`];
  process.stdout.write(`${lines.join('\n')}\n`);
}
