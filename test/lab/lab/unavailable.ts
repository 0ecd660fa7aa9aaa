import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** What the lab runs, and the Debian package that has it. */
const NEEDED = {
  slurmctld: 'slurm-wlm',
  slurmd: 'slurm-wlm',
  sbatch: 'slurm-wlm',
  munged: 'munge',
  ip: 'iproute2',
  unshare: 'util-linux',
  nsenter: 'util-linux',
} as const;

/** The lab looks for programs where daemons live too, whatever PATH the test was started with. */
export const SYSTEM_PATH = [
  '/usr/local/sbin',
  '/usr/local/bin',
  '/usr/sbin',
  '/usr/bin',
  '/sbin',
  '/bin',
].join(delimiter);

/**
 * Why the lab cannot run on this machine, in one line, or `undefined` when it can.
 * Asks once per process: the answer does not change while tests run.
 */
export function labUnavailable(): string | undefined {
  cached ??= { reason: findReason() };
  return cached.reason;
}

let cached: { reason: string | undefined } | undefined;

function findReason(): string | undefined {
  if (process.platform !== 'linux') return `the lab needs Linux, this is ${process.platform}`;
  if (process.getuid?.() !== 0) return 'the lab needs root: it makes network, mount and pid namespaces';
  for (const [program, debianPackage] of Object.entries(NEEDED)) {
    if (!isOnPath(program)) return `the lab needs ${program}: apt-get install ${debianPackage}`;
  }
  return namespacesRefused();
}

function isOnPath(program: string): boolean {
  return SYSTEM_PATH.split(delimiter).some((folder) => isExecutable(join(folder, program)));
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Root in a container often may not: only trying tells. */
function namespacesRefused(): string | undefined {
  const probe =
    'mount -t tmpfs tmpfs /tmp && ip link add br0 type bridge && ip link add v0 type veth peer name v1';
  const tried = spawnSync(
    'unshare',
    ['--net', '--uts', '--ipc', '--mount', '--pid', '--fork', '--kill-child', 'sh', '-ec', probe],
    { env: { PATH: SYSTEM_PATH }, encoding: 'utf8', timeout: 10_000 },
  );
  if (tried.status === 0) return undefined;
  const said = (tried.error?.message ?? tried.stderr).trim().split('\n').at(-1);
  return `the lab cannot make namespaces, bridges or mounts here: ${said}`;
}
