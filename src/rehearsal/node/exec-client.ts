import { connect } from 'node:net';
import { createInterface } from 'node:readline';
import { type ExecReply, type ExecRequest, socketName } from './exec-protocol.ts';

/**
 * Has a command run by the daemon that listens in `directory`, and passes its output on.
 *
 * @returns the exit code, or undefined when nobody answers
 */
export async function converse(
  directory: string,
  request: ExecRequest,
  terminal: boolean,
  signal: AbortSignal,
): Promise<number | undefined> {
  // A socket's path may have 107 bytes, a release directory more: go there and use the bare name.
  process.chdir(directory);
  return await new Promise((resolve, reject) => {
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
