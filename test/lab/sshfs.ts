/** A directory of one host on all hosts of a lab, by sshfs with its own defaults: what it caches is a part of the test. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { Lab } from './lab/index.ts';

const EXPORT = '/var/tmp/export';

/** Why sshfs cannot be used here; undefined: it can. */
export function sshfsUnavailable(): string | undefined {
  if (!existsSync('/usr/bin/sshfs')) {
    return 'it needs sshfs: apt-get install sshfs';
  }
  return existsSync('/dev/fuse') ? undefined : 'it needs /dev/fuse';
}

/** Mounts an empty directory of `server` at `path` on all hosts, the server itself included. The user may write there. */
export async function shareBySshfs(lab: Lab, server: string, path: string): Promise<void> {
  const { name, home } = lab.user;
  await asRoot(lab, server, ['install', '-d', '-o', name, '-m', '0700', EXPORT]);
  const options = [
    'allow_other',
    'default_permissions',
    `IdentityFile=${join(home, '.ssh/id_ed25519')}`,
    `UserKnownHostsFile=${join(home, '.ssh/known_hosts')}`,
  ];
  for (const host of [lab.login, ...lab.hosts]) {
    await asRoot(lab, host, ['install', '-d', path]);
    const argv = ['sshfs', '-o', options.join(','), `${name}@${server}:${EXPORT}`, path];
    await asRoot(lab, host, argv);
  }
}

async function asRoot(lab: Lab, host: string, argv: string[]): Promise<void> {
  const { exitCode, stderr } = await lab.run(host, argv, { user: 'root', cwd: '/' });
  expect(`${argv[0]} on ${host}: ${exitCode} ${stderr}`).toBe(`${argv[0]} on ${host}: 0 `);
}
