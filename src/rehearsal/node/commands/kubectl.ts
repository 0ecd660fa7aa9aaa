import { spawn } from 'node:child_process';
import type { CommandRun } from '../commands.ts';

/** `kubectl ARGS…`: the host's kubectl, where there is one, with the node's own admin.conf on stdin. */
export function kubectl({ machine, args, out, err, signal }: CommandRun): Promise<number> {
  const kubeconfig = machine.files.get('/etc/kubernetes/admin.conf');
  if (kubeconfig === undefined) {
    err(
      'The connection to the server localhost:8080 was refused - did you specify the right host or port?\n',
    );
    return Promise.resolve(1);
  }
  return new Promise((resolve) => {
    // /dev/stdin: the key is neither on the disk nor on a command line.
    const local = kubeconfig.replaceAll(machine.name, '127.0.0.1');
    const child = spawn('kubectl', ['--kubeconfig=/dev/stdin', ...args], {
      signal,
      env: { PATH: process.env.PATH },
    });
    child.once('error', () => {
      err('exec: "kubectl": executable file not found in $PATH\n');
      resolve(127);
    });
    child.stdout.on('data', (data: Buffer) => out(data.toString()));
    child.stderr.on('data', (data: Buffer) => err(data.toString()));
    child.stdin.on('error', () => {});
    child.stdin.end(local);
    child.once('close', (code) => resolve(code ?? 137));
  });
}
