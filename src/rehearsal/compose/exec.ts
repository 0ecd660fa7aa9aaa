import { parseFaults } from '../faults/grammar.ts';
import { prepareTries } from '../faults/tries.ts';
import { converse } from '../node/exec-client.ts';
import { readContainer } from '../state/container.ts';
import type { Project } from '../state/project.ts';
import { stepStartedAt } from './started.ts';

export interface ExecOptions {
  argv: string[];
  env: Record<string, string>;
  /** As without -T: both streams on stdout, lines ended with CR LF. */
  terminal: boolean;
}

/**
 * `exec node CMD…`: runs one of the in-node commands in the daemon.
 *
 * @returns the command's exit code; podman's own when the node does not run
 * @throws ClientEnded when this client was told to end
 */
export async function exec(project: Project, options: ExecOptions, signal: AbortSignal): Promise<number> {
  const faults = process.env.UNET_REHEARSAL ?? '';
  parseFaults(faults);
  const container = readContainer(project);
  if (container === undefined) {
    const name = `${project.name}_node_1`;
    process.stderr.write(`Error: no container with name or ID "${name}" found: no such container\n`);
    return 125;
  }
  if (faults !== '') prepareTries(project.rehearsalDirectory, container.node);
  const code = await converse(
    project.stateDirectory,
    { argv: options.argv, env: options.env, faults, startedAt: stepStartedAt() },
    options.terminal,
    signal,
  );
  if (code !== undefined) return code;
  process.stderr.write(
    'Error: can only create exec sessions on running containers: container state improper\n',
  );
  return 255;
}
