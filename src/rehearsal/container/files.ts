import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Machine } from '../node/machine.ts';

const directory = '/etc/kubernetes/';
const written = new Set<string>();

/** Names of /etc/hosts, which the join command has added to. */
export function readHosts(machine: Machine): void {
  for (const line of readFileSync('/etc/hosts', 'utf8').split('\n')) {
    const [address = '', ...names] = (line.split('#')[0] ?? '').trim().split(/\s+/);
    for (const name of names) machine.hosts.set(name, address);
  }
  if (existsSync('/tmp/kubeadm-config.yaml')) machine.files.set('/tmp/kubeadm-config.yaml', '');
}

/** What kubeadm would write or remove, for the programs in the node that read it. */
export function writeFiles(machine: Machine): void {
  for (const file of written) {
    if (!machine.files.has(file)) {
      rmSync(file, { force: true });
      written.delete(file);
    }
  }
  for (const [file, content] of machine.files) {
    if (!file.startsWith(directory)) continue;
    mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
    writeFileSync(file, content, { mode: 0o600 });
    written.add(file);
  }
}
