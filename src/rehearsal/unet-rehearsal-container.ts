// Entry of a rehearsed node in a real container: its process 1. What is a process with files in memory elsewhere has a
// file system, /etc/hosts and an address of its own here.
import { mkdirSync } from 'node:fs';
import { createServer } from 'node:net';
import { hostname } from 'node:os';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { readHosts, writeFiles } from './container/files.ts';
import { STATE_DIRECTORY } from './container/state-directory.ts';
import { runCommand } from './node/commands.ts';
import { listenForExec } from './node/exec-server.ts';
import { type Machine, machineFromEnvironment, portsFromEnvironment } from './node/machine.ts';
import { PublishedPorts } from './node/published-ports.ts';

/** As long as without a container. */
const bootMs = 300;

const containerdSocket = '/run/containerd/containerd.sock';

async function main(): Promise<void> {
  mkdirSync(STATE_DIRECTORY, { recursive: true, mode: 0o700 });
  process.chdir(STATE_DIRECTORY);
  const machine = machineFromEnvironment(
    { ...process.env, NODE_NAME: hostname() },
    await PublishedPorts.bind({ etcd: 0, apiServer: 0, kubelet: 0, flannel: 0 }),
    { releaseDirectory: '/usernetes', rehearsalDirectory: STATE_DIRECTORY },
  );
  await listenForExec(async (request, io) => {
    await identify(machine, request.env);
    readHosts(machine);
    try {
      return await runCommand(machine, { ...request, faults: process.env.UNET_REHEARSAL ?? '' }, io);
    } finally {
      writeFiles(machine);
    }
  });
  await delay(bootMs);
  machine.booted = true;
  // What a real containerd listens on; who waits for it looks for the socket first.
  mkdirSync(dirname(containerdSocket), { recursive: true });
  createServer((socket) => socket.destroy()).listen(containerdSocket);
  machine.journal.log('containerd', 'containerd successfully booted in 0.031s');
}

/** A release's own steps say which ports and which address the node has: its compose file does not. */
async function identify(machine: Machine, env: Record<string, string>): Promise<void> {
  const ports = portsFromEnvironment(env);
  if (!Object.values(ports).every((port) => port > 0) || machine.ports.apiServer === ports.apiServer) return;
  machine.published = await PublishedPorts.bind(ports);
  machine.ports = ports;
  machine.nodeIp = env.NODE_IP ?? '';
}

for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => process.exit(0));
main().catch((error: Error) => {
  console.error(error);
  process.exit(1);
});
