import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { LabUser } from './state.ts';

/** Not a user of this machine: the account exists in the lab's own /etc only. */
export const LAB_USER = 'unetlab';
const FIRST_UID = 61_077;
const SUBORDINATE_IDS = 'unetlab:300000:65536\n';

export interface Etc {
  readonly user: LabUser;
  readonly hosts: Record<string, string>;
  /** Path below /etc, and content. */
  readonly files: Record<string, string>;
}

export function newLabUser(home: string): LabUser {
  const passwd = readFileSync('/etc/passwd', 'utf8').split('\n');
  const taken = new Set(passwd.map((line) => Number(line.split(':')[2])));
  let uid = FIRST_UID;
  while (taken.has(uid)) uid += 1;
  return { name: LAB_USER, uid, gid: uid, home };
}

/** Makes the lab's own /etc in its directory: this machine's, with the lab's user, hosts and configuration. */
export function makeEtc(root: string, { user, hosts, files }: Etc): void {
  const etc = join(root, 'etc');
  cpSync('/etc', etc, { recursive: true, preserveTimestamps: true, verbatimSymlinks: true });
  // Copied files belong to root with their modes kept; the lab needs none of these from the machine.
  for (const folder of ['slurm', 'munge', 'ssh']) rmSync(join(etc, folder), { recursive: true, force: true });
  rmSync(join(etc, 'resolv.conf'), { force: true });

  const { name, uid, gid, home } = user;
  withLine(etc, 'passwd', name, `${name}:x:${uid}:${gid}:unet lab user:${home}:/bin/bash`);
  withLine(etc, 'group', name, `${name}:x:${gid}:`);
  // '*' is no password; '!' would make sshd refuse the account as locked.
  withLine(etc, 'shadow', name, `${name}:*:19000:0:99999:7:::`);
  const all = {
    'resolv.conf': '',
    subuid: SUBORDINATE_IDS,
    subgid: SUBORDINATE_IDS,
    hostname: 'lab\n',
    hosts: ['127.0.0.1 localhost', ...Object.entries(hosts).map(([host, ip]) => `${ip} ${host}`), ''].join(
      '\n',
    ),
    ...files,
  };
  for (const [path, content] of Object.entries(all)) {
    mkdirSync(join(etc, path, '..'), { recursive: true });
    writeFileSync(join(etc, path), content, { mode: path.endsWith('_key') ? 0o600 : 0o644 });
  }
}

function withLine(etc: string, file: string, name: string, line: string): void {
  const path = join(etc, file);
  const others = existsSync(path) ? readFileSync(path, 'utf8').split('\n') : [];
  const lines = others.filter((other) => other !== '' && !other.startsWith(`${name}:`));
  writeFileSync(path, `${[...lines, line].join('\n')}\n`);
}
