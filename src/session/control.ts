/** Asking the supervisor on its socket. */
import { createConnection, type Socket } from 'node:net';
import { errnoOf, UnetError } from '../errors.ts';
import type { UnetEvent } from '../events/schema.ts';
import { linesOf } from '../process/lines.ts';
import { ALIVE_MS, ControlReply, type ControlRequest } from '../protocol/control.ts';

/**
 * Sends `request` to the supervisor's socket and yields its events until it closes the connection.
 * Resolves to undefined when nobody listens there.
 *
 * @param silenceMs at least some signs of life are waited for.
 * @throws UnetError UNET_SUPERVISOR_SILENT, from the events, when it hangs: a process that is stopped (SIGSTOP) still accepts connections.
 */
export async function askSupervisor(
  path: string,
  request: ControlRequest,
  { silenceMs, signal }: { silenceMs: number; signal?: AbortSignal | undefined },
): Promise<AsyncIterable<UnetEvent> | undefined> {
  const socket = await connect(path);
  if (socket === undefined) {
    return undefined;
  }
  const onAbort = () => socket.destroy();
  signal?.addEventListener('abort', onAbort, { once: true });
  socket.once('close', () => signal?.removeEventListener('abort', onAbort));
  socket.write(`${JSON.stringify(request)}\n`);
  return events(socket, Math.max(silenceMs, 3 * ALIVE_MS));
}

async function* events(socket: Socket, silenceMs: number): AsyncIterable<UnetEvent> {
  socket.setTimeout(silenceMs, () =>
    socket.destroy(
      new UnetError('UNET_SUPERVISOR_SILENT', `the supervisor has not answered for ${silenceMs / 1000} s`, {
        remedy: '"unet down" ends it, and removes what is left',
      }),
    ),
  );
  try {
    for await (const line of linesOf(socket)) {
      const message = parse(line);
      if (message === 'incomplete') {
        return;
      }
      if (message === 'unknown' || message.type === 'alive') {
        continue;
      }
      if (message.type === 'refused') {
        throw new UnetError('UNET_SUPERVISOR', message.message);
      }
      yield message;
    }
  } catch (error) {
    // The supervisor was killed, or the connection was given up here: what it said last is what we know.
    if (!['ECONNRESET', 'ERR_STREAM_PREMATURE_CLOSE'].includes(errnoOf(error) ?? '')) {
      throw error;
    }
  } finally {
    socket.destroy();
  }
}

/** `incomplete`: the supervisor was killed while it wrote. `unknown`: it is of a later version. */
function parse(line: string): ControlReply | 'incomplete' | 'unknown' {
  try {
    return ControlReply.safeParse(JSON.parse(line)).data ?? 'unknown';
  } catch {
    return 'incomplete';
  }
}

function connect(path: string): Promise<Socket | undefined> {
  return new Promise((resolve, reject) => {
    const socket = createConnection({ path });
    socket.once('connect', () => {
      socket.removeAllListeners('error');
      socket.on('error', () => socket.destroy());
      resolve(socket);
    });
    socket.once('error', (error) => {
      const code = errnoOf(error);
      if (code === 'ENOENT' || code === 'ECONNREFUSED') {
        resolve(undefined);
      } else {
        reject(
          new UnetError('UNET_SUPERVISOR', `the supervisor's socket ${path} cannot be used: ${code}`, {
            cause: error,
          }),
        );
      }
    });
  });
}
