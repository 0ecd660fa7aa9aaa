import { connect } from 'node:net';
import { createInterface } from 'node:readline';
import { parseFaults } from '../faults/grammar.ts';
import { prepareTries } from '../faults/tries.ts';
import { type ExecReply, type ExecRequest, socketName } from '../node/exec-protocol.ts';
import { readContainer } from '../state/container.ts';
import type { Project } from '../state/project.ts';

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
    project,
    { argv: options.argv, env: options.env, faults },
    options.terminal,
    signal,
  );
  if (code !== undefined) return code;
  process.stderr.write(
    'Error: can only create exec sessions on running containers: container state improper\n',
  );
  return 255;
}

/** @returns the exit code, or undefined when nobody answers */
function converse(
  project: Project,
  request: ExecRequest,
  terminal: boolean,
  signal: AbortSignal,
): Promise<number | undefined> {
  // A socket's path may have 107 bytes, a release directory more: go there and use the bare name.
  process.chdir(project.stateDirectory);
  return new Promise((resolve, reject) => {
    const socket = connect(socketName, () => socket.write(`${JSON.stringify(request)}\n`));
    let connected = false;
    let code: number | undefined;
    socket.once('connect', () => {
      connected = true;
    });
    socket.once('error', () => resolve(connected ? 137 : undefined));
    const lines = createInterface({ input: socket });
    // It repeats the socket's error, which is dealt with above.
    lines.on('error', () => {});
    lines.on('line', (line) => {
      const reply = JSON.parse(line) as ExecReply;
      if ('exit' in reply) code = reply.exit;
      else print(reply, terminal);
    });
    // A daemon that goes away under a command is a killed container: 137.
    socket.once('close', () => setImmediate(() => resolve(code ?? (connected ? 137 : undefined))));
    signal.addEventListener('abort', () => {
      socket.destroy();
      reject(signal.reason);
    });
  });
}

function print(reply: { out: string } | { err: string }, terminal: boolean): void {
  const text = 'out' in reply ? reply.out : reply.err;
  if (terminal) process.stdout.write(text.replaceAll('\n', '\r\n'));
  else if ('out' in reply) process.stdout.write(text);
  else process.stderr.write(text);
}
