import { chownSync, copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { startDaemon } from './slurm.ts';
import type { LabHost, LabUser } from './state.ts';
import { SYSTEM_PATH } from './unavailable.ts';

const CONFIG = `
Port 22
AuthorizedKeysFile .ssh/authorized_keys
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
UseDNS no
PrintMotd no
PermitRootLogin no
PidFile none
Subsystem sftp internal-sftp
`;

/** Files below /etc of the lab. */
export const SSH_FILES: Readonly<Record<string, string>> = {
  'ssh/sshd_config': CONFIG.trimStart(),
  'ssh/ssh_config': '',
};

/**
 * A key of its own for each host, and for the user a key pair that every host accepts and a known_hosts that
 * names every host, by name and by address.
 */
export async function makeSshKeys(
  root: string,
  user: LabUser,
  hosts: Readonly<Record<string, string>>,
): Promise<void> {
  const own = join(root, 'ssh');
  mkdirSync(own, { mode: 0o700 });
  const known = await Promise.all(
    Object.entries(hosts).map(async ([host, address]) => {
      const publicKey = await makeKey(join(own, `${host}_key`), host);
      return `${host},${address} ${publicKey.split(' ', 2).join(' ')}\n`;
    }),
  );
  const folder = join(user.home, '.ssh');
  mkdirSync(folder, { mode: 0o700 });
  await makeKey(join(folder, 'id_ed25519'), user.name);
  copyFileSync(join(folder, 'id_ed25519.pub'), join(folder, 'authorized_keys'));
  writeFileSync(join(folder, 'known_hosts'), known.join(''), { mode: 0o600 });
  for (const file of ['', 'id_ed25519', 'id_ed25519.pub', 'authorized_keys', 'known_hosts']) {
    chownSync(join(folder, file), user.uid, user.gid);
  }
}

export function startSshd(root: string, host: LabHost): void {
  // sshd insists on an absolute path: it runs itself again for each connection.
  startDaemon(root, host, `sshd-${host.name}`, [
    '/usr/sbin/sshd',
    '-D',
    '-e',
    '-h',
    join(root, 'ssh', `${host.name}_key`),
  ]);
}

async function makeKey(path: string, comment: string): Promise<string> {
  await execa('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', comment, '-f', path], {
    env: { PATH: SYSTEM_PATH },
    timeout: 10_000,
  });
  return readFileSync(`${path}.pub`, 'utf8');
}
