import { containerState, readContainer } from '../state/container.ts';
import type { Project } from '../state/project.ts';

/** `ps [-q] [--format json]`: the project's container, running or only created. */
export function ps(project: Project, flags: ReadonlySet<string>): number {
  const container = readContainer(project);
  const { state, pid } = containerState(project);
  if (flags.has('-q') || flags.has('--quiet')) {
    if (container !== undefined) process.stdout.write(`${container.id}\n`);
    return 0;
  }
  const name = `${project.name}_node_1`;
  if (flags.has('--format')) {
    const rows = container && [
      {
        Id: container.id,
        Image: container.settings.image,
        Names: [name],
        Pid: pid ?? 0,
        State: state,
        Created: container.createdAt,
        Labels: container.settings.labels,
        Mounts: container.settings.mounts.map(({ target }) => target),
      },
    ];
    process.stdout.write(`${JSON.stringify(rows ?? [], null, 2)}\n`);
    return 0;
  }
  process.stdout.write('CONTAINER ID  IMAGE  STATUS  NAMES\n');
  if (container !== undefined) {
    process.stdout.write(`${container.id.slice(0, 12)}  ${container.settings.image}  ${state}  ${name}\n`);
  }
  return 0;
}
