/** A command in a container, and a port of a pod on this machine: by @kubernetes/client-node over a WebSocket. */
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { PassThrough, type Readable, type Writable } from 'node:stream';
import { Exec, PortForward, type V1Status } from '@kubernetes/client-node';
import { withDeadline } from '../deadline.ts';
import { ClusterError, connectionError } from '../errors.ts';
import type { WaitOptions } from '../types.ts';
import type { KubernetesContext } from './connect.ts';
import { kubeConfigOf } from './kube-config-of.ts';

export type ExecOptions = WaitOptions & {
  container?: string | undefined;
  stdin?: Readable | undefined;
  /** Where output goes as it comes; collected in the result without. */
  stdout?: Writable | undefined;
  stderr?: Writable | undefined;
  tty?: boolean | undefined;
};

export type ExecResult = { exitCode: number; stdout: string; stderr: string };

/** Runs a command in a running container and returns when it has ended. */
export function execInPod(
  context: KubernetesContext,
  namespace: string,
  pod: string,
  container: string,
  command: readonly string[],
  options: ExecOptions,
): Promise<ExecResult> {
  const what = `exec ${command[0] ?? ''} in ${pod}`;
  return withDeadline(what, options, async (signal) => {
    const out = collect(options.stdout);
    const err = collect(options.stderr);
    let close = () => {};
    try {
      const status = await new Promise<V1Status>((resolve, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason), { once: true });
        new Exec(kubeConfigOf(context))
          .exec(
            namespace,
            pod,
            container,
            [...command],
            out.stream,
            err.stream,
            options.stdin ?? null,
            options.tty === true,
            resolve,
          )
          .then((socket) => {
            close = () => socket.close();
            socket.onclose = () => reject(new ClusterError('Unreachable', `${what}: the connection was cut`));
          })
          .catch((error: unknown) => reject(socketError(what, context.server, error)));
      });
      return { exitCode: exitCodeOf(what, status), stdout: out.text(), stderr: err.text() };
    } finally {
      close();
    }
  });
}

export type PortForwarding = AsyncDisposable & { port: number; close: () => Promise<void> };

/** Listens on 127.0.0.1 and passes each connection on to the pod's port. `localPort` 0: any that is free. */
export async function forwardPort(
  context: KubernetesContext,
  namespace: string,
  pod: string,
  port: number,
  localPort = 0,
): Promise<PortForwarding> {
  const forward = new PortForward(kubeConfigOf(context));
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    open.add(socket);
    socket.on('error', () => socket.destroy());
    socket.once('close', () => open.delete(socket));
    forward
      .portForward(namespace, pod, [port], socket, null, socket)
      .then((web) => {
        if (typeof web === 'function') return;
        web.onclose = () => socket.destroy();
        web.onerror = () => socket.destroy();
        socket.once('close', () => web.close());
      })
      .catch(() => socket.destroy());
  });
  await listen(server, localPort);
  const close = async () => {
    for (const socket of open) socket.destroy();
    await new Promise<void>((resolve) => server.close(() => resolve()));
  };
  return { port: (server.address() as AddressInfo).port, close, [Symbol.asyncDispose]: close };
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error) =>
      reject(
        new ClusterError('Invalid', `cannot listen on 127.0.0.1:${port}: ${error.message}`, { cause: error }),
      ),
    );
    server.listen(port, '127.0.0.1', resolve);
  });
}

function collect(given: Writable | undefined): { stream: Writable; text: () => string } {
  const chunks: Buffer[] = [];
  if (given !== undefined) {
    // The client ends what it writes to; the caller's own stream stays open.
    const stream = new PassThrough();
    stream.pipe(given, { end: false });
    return { stream, text: () => '' };
  }
  const stream = new PassThrough();
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  return { stream, text: () => Buffer.concat(chunks).toString() };
}

function exitCodeOf(what: string, status: V1Status): number {
  if (status.status === 'Success') return 0;
  const cause = status.details?.causes?.find(({ reason }) => reason === 'ExitCode');
  if (cause?.message !== undefined) return Number(cause.message);
  throw new ClusterError('Server', `${what}: ${status.message ?? 'failed'}`, { body: status });
}

/** The WebSocket's errors say the status in their text alone. */
function socketError(what: string, server: string, error: unknown): ClusterError {
  const raw = (error as { error?: unknown }).error ?? error;
  const message =
    raw instanceof Error ? raw.message : String((error as { message?: unknown }).message ?? raw);
  const status = Number(/Unexpected server response: (\d+)/.exec(message)?.[1] ?? 0);
  if (status === 404) return new ClusterError('NotFound', `${what}: there is no such pod`, { status });
  if (status === 401 || status === 403) {
    return new ClusterError(status === 401 ? 'Unauthorized' : 'Forbidden', `${what}: not allowed`, {
      status,
    });
  }
  if (status > 0)
    return new ClusterError('Invalid', `${what}: the server answered ${status}; does the container run?`, {
      status,
    });
  return connectionError(what, server, raw);
}
