// Entry of a rehearsed node: a process of its own session, from `compose up` to `compose down`. Its
// file name is what makes it recognisable in a process list.
import { closeSync, writeFileSync, writeSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { sufferFault, untilDue } from './faults/apply.ts';
import { runCommand } from './node/commands.ts';
import { listenForExec } from './node/exec-server.ts';
import { type Machine, machineFault, machineFromEnvironment, portsFromEnvironment } from './node/machine.ts';
import { PublishedPorts } from './node/published-ports.ts';

/** How long containerd takes to answer when nothing else is asked, in milliseconds. */
const bootMs = 300;

/** The pipe on which `compose up` waits. */
const reportDescriptor = 3;

/** A directory that vanishes is not a reason to stop: a container would go on too, until `down`. */
async function main(): Promise<void> {
  const { values } = parseArgs({ options: { project: { type: 'string' }, directory: { type: 'string' } } });
  const releaseDirectory = values.directory ?? '';
  writeFileSync('pid', `${process.pid}\n`, { mode: 0o600 });
  const published = await PublishedPorts.bind(portsFromEnvironment(process.env));
  const machine = machineFromEnvironment(process.env, published, {
    releaseDirectory,
    rehearsalDirectory: path.join(releaseDirectory, '.rehearsal'),
  });
  await listenForExec((request, io) => runCommand(machine, request, io));
  process.on('SIGUSR2', () => toggleApi(machine));
  report('up');
  await boot(machine);
}

/** Until it is done, containerd does not answer; a failed boot never is. */
async function boot(machine: Machine): Promise<void> {
  const fault = machineFault(machine, 'boot');
  const scene = {
    rehearsalDirectory: machine.rehearsalDirectory,
    node: machine.name,
    signal: new AbortController().signal,
  };
  // A join signs its certificate request; a real kubeadm has that compiled in.
  import('./node/certificate-request.ts').catch(() => {});
  await untilDue(machine.busyUntil, scene.signal);
  if (fault.delayMs === undefined) await delay(bootMs);
  if ((await sufferFault(fault, scene)) !== undefined) {
    machine.journal.log('containerd', 'failed to start: exit status 1');
    return;
  }
  machine.booted = true;
  machine.journal.log('containerd', 'containerd successfully booted in 0.031s');
}

/** The API server goes, or comes back, while the node runs on: for rehearsing that. */
function toggleApi({ controlPlane, published, ports }: Machine): void {
  if (controlPlane === undefined) return;
  const { server } = controlPlane;
  if (published.serves(ports.apiServer)) {
    published.serve(ports.apiServer, undefined);
    server.cutOff();
  } else {
    published.serve(ports.apiServer, server.take);
  }
}

function report(text: string): void {
  try {
    writeSync(reportDescriptor, text);
    closeSync(reportDescriptor);
  } catch {
    // The client was killed; the node runs on, as a container would.
  }
}

for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => process.exit(0));
process.on('SIGHUP', () => {});
process.umask(0o077);
main().catch((error: Error) => {
  report(error.message);
  console.error(error);
  process.exit(1);
});
