import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { rmSync, writeFileSync } from 'node:fs';
import type { CommandRun } from '../commands.ts';

/** `kubectl ARGS…`: the host's kubectl, where there is one, with the node's own admin.conf. */
export async function kubectl(run: CommandRun): Promise<number> {
  const { machine, err } = run;
  const kubeconfig = machine.files.get('/etc/kubernetes/admin.conf');
  if (kubeconfig === undefined) {
    err(
      'The connection to the server localhost:8080 was refused - did you specify the right host or port?\n',
    );
    return 1;
  }
  // In the state directory (0700), for as long as the command runs; kubectl reads it more than once.
  const file = `${randomUUID()}.conf`;
  writeFileSync(file, kubeconfig.replaceAll(machine.name, '127.0.0.1'), { mode: 0o600 });
  try {
    return await runKubectl(run, file);
  } finally {
    rmSync(file, { force: true });
  }
}

function runKubectl({ args, out, err, signal }: CommandRun, file: string): Promise<number> {
  return new Promise((resolve) => {
    const child = spawn('kubectl', [`--kubeconfig=${file}`, ...args], {
      signal,
      env: { PATH: process.env.PATH, HOME: process.cwd() },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    child.once('error', () => {
      err('exec: "kubectl": executable file not found in $PATH\n');
      resolve(127);
    });
    child.stdout.on('data', (data: Buffer) => out(data.toString()));
    child.stderr.on('data', (data: Buffer) => err(data.toString()));
    child.once('close', (code) => resolve(code ?? 137));
  });
}
