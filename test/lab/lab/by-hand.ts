import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { realpathSync, symlinkSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { onHost } from './namespaces.ts';
import { startLab } from './start.ts';
import { isAlive, LABS_DIRECTORY, type LabState, loadState } from './state.ts';
import { endLab } from './sweep.ts';
import { SYSTEM_PATH } from './unavailable.ts';

const USAGE = `usage: scripts/lab.sh COMMAND

  up [HOSTS]                    start a lab (3 nodes), with sshd; it stays until 'down'
  shell [HOST] [--root]         a shell there as the ordinary user (default: login)
  run HOST [--root] COMMAND...  one command there
  status                        where it is, and what sinfo and squeue say
  down                          end it and remove all of it; labs of other checkouts stay

'status' says where its logs and the shared home are.`;

/** The lab of this checkout: there may be others on this machine. */
const CURRENT = join(
  LABS_DIRECTORY,
  `current-${createHash('sha256').update(process.cwd()).digest('hex').slice(0, 8)}`,
);

const [command, ...rest] = process.argv.slice(2);
process.exitCode = await main();

async function main(): Promise<number> {
  switch (command) {
    case 'up':
      return up(Number(rest[0] ?? 3));
    case 'shell':
      return inside(rest[0] === undefined || rest[0] === '--root' ? ['login', ...rest] : rest);
    case 'run':
      return inside(rest);
    case 'status':
      return status();
    case 'down':
      return down();
    default:
      console.error(USAGE);
      return command === undefined || command === 'help' || command === '--help' ? 0 : 2;
  }
}

async function up(hosts: number): Promise<number> {
  if (findLab() !== undefined) {
    console.error('a lab is up already');
    return 1;
  }
  const lab = await startLab({ hosts, ssh: true, kind: 'by-hand' });
  removeLink();
  symlinkSync(lab.root, CURRENT);
  console.log(`${[lab.login, ...lab.hosts].join(' ')} are up; next: scripts/lab.sh shell ${lab.login}`);
  return 0;
}

function inside([host = 'login', ...argv]: string[]): number {
  const lab = findLab();
  const init = lab?.hosts[host]?.init;
  if (lab === undefined || init === undefined) {
    console.error(lab === undefined ? 'no lab is up: scripts/lab.sh up' : `no host ${host}`);
    return 1;
  }
  const asRoot = argv[0] === '--root';
  const { name, uid, gid, home } = asRoot ? { name: 'root', uid: 0, gid: 0, home: '/root' } : lab.user;
  const typed = asRoot ? argv.slice(1) : argv;
  const ids = ['--setgid', String(gid), '--setuid', String(uid)];
  const ran = spawnSync(
    'nsenter',
    [
      ...onHost(init),
      ...ids,
      '--',
      'env',
      `--chdir=${home}`,
      ...(typed.length > 0 ? typed : ['bash', '--norc', '-i']),
    ],
    {
      env: {
        PATH: SYSTEM_PATH,
        HOME: home,
        USER: name,
        LOGNAME: name,
        SHELL: '/bin/bash',
        LANG: 'C.UTF-8',
        TERM: process.env.TERM,
        PS1: `${name}@\\h:\\w\\$ `,
      },
      stdio: 'inherit',
    },
  );
  return ran.status ?? 1;
}

function status(): number {
  const lab = findLab();
  if (lab !== undefined) console.log(`logs: ${lab.root}/log\nshared home: ${lab.user.home}`);
  return inside(['login', 'sh', '-c', 'sinfo --Node --long; squeue; squeue --steps']);
}

async function down(): Promise<number> {
  const lab = ownLab();
  if (lab !== undefined) await endLab(lab);
  removeLink();
  return 0;
}

function findLab(): LabState | undefined {
  const lab = ownLab();
  return lab !== undefined && isAlive(lab.init) ? lab : undefined;
}

/** Running or not. */
function ownLab(): LabState | undefined {
  try {
    return loadState(realpathSync(CURRENT));
  } catch {
    return undefined;
  }
}

function removeLink(): void {
  try {
    unlinkSync(CURRENT);
  } catch {
    // There was none.
  }
}
