import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { TIME_SCALE } from '../process/scratch.ts';
import { type Finished, RehearsedHost } from './rehearsed-host.ts';

const recordings = path.join(import.meta.dirname, 'recorded');
let lead: RehearsedHost;
let worker: RehearsedHost;

beforeAll(async () => {
  // Addresses of their own, so that a host's can be told from the loopback address in what is printed.
  lead = await RehearsedHost.create({ node: 'u7s-n0', hostIp: '127.0.0.10', subnet: '10.100.23.0/24' });
  worker = await RehearsedHost.create({ node: 'u7s-n1', hostIp: '127.0.0.11', subnet: '10.100.44.0/24' });
  lead.faults = `boot:delay=${2 * TIME_SCALE}s`;
});

afterAll(async () => {
  await Promise.all([lead.make('down-v'), worker.make('down-v')]);
});

const asRecorded = async (name: string, host: RehearsedHost, target: string, code = 0) => {
  const finished = await host.make(target);
  expect(plain(finished.stdout, host)).toEqual(plain(recording(name, 'stdout')));
  expect(finished.code, finished.stderr).toBe(code);
  return finished;
};

const errorsAsRecorded = (name: string, { stderr }: Finished, host: RehearsedHost) => {
  expect(plain(stderr, host)).toEqual(plain(recording(name, 'stderr')));
};

test('a bring-up of two hosts says what the real release says, step by step', async () => {
  await asRecorded('up', lead, 'up');
  const early = await asRecorded('kubeadm-init-too-early', lead, 'kubeadm-init', 2);
  errorsAsRecorded('kubeadm-init-too-early', early, lead);
  await asRecorded('kubeadm-reset', lead, 'kubeadm-reset');
  await lead.boot();
  await asRecorded('kubeadm-init', lead, 'kubeadm-init');
  await asRecorded('install-flannel', lead, 'install-flannel');
  await asRecorded('install-flannel-again', lead, 'install-flannel');
  await asRecorded('kubeconfig', lead, 'kubeconfig');
  await asRecorded('join-command', lead, 'join-command');

  await asRecorded('worker-up', worker, 'up');
  await worker.boot();
  worker.takeJoinCommand(lead);
  const joinCommand = path.join(worker.directory, 'join-command');
  const script = readFileSync(joinCommand, 'utf8');
  const hash = /sha256:[0-9a-f]{64}/.exec(script)?.[0] ?? '';
  writeFileSync(joinCommand, script.replace(hash, `sha256:${'0'.repeat(64)}`));
  const refused = await asRecorded('kubeadm-join-wrong-ca-hash', worker, 'kubeadm-join', 2);
  errorsAsRecorded('kubeadm-join-wrong-ca-hash', refused, worker);
  expect(refused.stdout).toContain(`none of the public keys "${hash}" are pinned`);
  await asRecorded('kubeadm-reset-worker', worker, 'kubeadm-reset');
  worker.takeJoinCommand(lead);
  await asRecorded('kubeadm-join', worker, 'kubeadm-join');
  errorsAsRecorded(
    'kubeadm-join-again',
    await asRecorded('kubeadm-join-again', worker, 'kubeadm-join', 2),
    worker,
  );
  await asRecorded('sync-external-ip', lead, 'sync-external-ip');

  await asRecorded('down-v', worker, 'down-v');
  await asRecorded('down-v-lead', lead, 'down-v');
  errorsAsRecorded('down-v-again', await asRecorded('down-v-again', lead, 'down-v'), lead);
  expect([...lead.daemons(), ...worker.daemons()]).toEqual([]);
});

function recording(name: string, stream: string): string {
  return readFileSync(path.join(recordings, `${name}.${stream}`), 'utf8');
}

/** The lines without what differs from run to run: paths, ports, addresses, ids, secrets and times. */
function plain(output: string, host?: RehearsedHost): string[] {
  const own = host === undefined ? output : inRecordedPlace(output, host);
  return own
    .replaceAll(/\b[a-z0-9]{6}\.[a-z0-9]{16}\b/g, 'TOKEN')
    .replaceAll(/\b[0-9a-f]{64}\b/g, 'ID')
    .replaceAll(/--> [0-9a-f]{11}\n/g, '--> SHORT\n')
    .replaceAll(/W\d{4} [\d:.]+ +\d+ (\w+\.go:\d+)\]/g, 'WARNING $1]')
    .replaceAll(/LAST DEPLOYED: .*/g, 'LAST DEPLOYED: DATE\r')
    .split('\n')
    .filter((line) => !line.includes('cgroups v1 support is in maintenance mode'));
}

function inRecordedPlace(output: string, { directory, ports }: RehearsedHost): string {
  return [lead, worker]
    .reduce(
      (text, host) =>
        text.replaceAll(`:${host.ports.apiServer}`, ':6443').replaceAll(`=${host.ports.apiServer}`, '=6443'),
      output,
    )
    .replaceAll(`${directory}/bin/compose`, 'podman-compose')
    .replaceAll(directory, '/home/user/usernetes')
    .replaceAll(String(ports.etcd), '2379')
    .replaceAll(String(ports.kubelet), '10250')
    .replaceAll(String(ports.flannel), '8472')
    .replaceAll('127.0.0.10', '10.77.0.10')
    .replaceAll('127.0.0.11', '10.77.0.11');
}
