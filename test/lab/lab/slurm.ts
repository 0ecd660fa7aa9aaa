import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { waitFor } from './deadline.ts';
import { onHost } from './namespaces.ts';
import { CONTROL_HOST } from './network.ts';
import type { LabHost } from './state.ts';
import { SYSTEM_PATH } from './unavailable.ts';

export interface SlurmOptions {
  /** Cores that Slurm believes a host has; more than the machine's, so that jobs share hosts. Default 8. */
  cpus?: number;
  /**
   * How Slurm knows a job's processes. 'linuxproc' (the default) loses what is detached: a daemon outlives its
   * job. 'cgroup', as most sites have it, kills that too; it needs cgroup v1 here.
   */
  proctrack?: 'linuxproc' | 'cgroup';
  /** Between SIGTERM and SIGKILL. Slurm's default is 30, the lab's 5. */
  killWaitSeconds?: number;
  /** Until a silent node is DOWN and its jobs fail. Slurm's default, and the lab's, is 300. */
  slurmdTimeoutSeconds?: number;
  /** Further lines of slurm.conf; the last one of a parameter counts. */
  config?: string[];
}

export const SLURM_LOGS = 'log';

/** Files below /etc of the lab. */
export function slurmFiles(
  root: string,
  computeHosts: readonly string[],
  options: SlurmOptions,
): Record<string, string> {
  const {
    cpus = 8,
    killWaitSeconds = 5,
    slurmdTimeoutSeconds = 300,
    proctrack = 'linuxproc',
    config = [],
  } = options;
  const parameters = new Map<string, string>();
  const lines = [
    'ClusterName=lab',
    `SlurmctldHost=${CONTROL_HOST}`,
    'SlurmUser=root',
    'AuthType=auth/munge',
    'CredType=cred/munge',
    `ProctrackType=proctrack/${proctrack}`,
    'TaskPlugin=task/none',
    'JobAcctGatherType=jobacct_gather/none',
    'AccountingStorageType=accounting_storage/none',
    'JobCompType=jobcomp/none',
    'MpiDefault=none',
    'SelectType=select/cons_tres',
    'SelectTypeParameters=CR_Core',
    'SlurmdParameters=config_overrides',
    'SchedulerType=sched/backfill',
    'SchedulerParameters=batch_sched_delay=0,sched_interval=1,sched_min_interval=0,bf_interval=1',
    'ReturnToService=2',
    'JobRequeue=0',
    'InactiveLimit=0',
    `KillWait=${killWaitSeconds}`,
    'MinJobAge=3600',
    `SlurmdTimeout=${slurmdTimeoutSeconds}`,
    `StateSaveLocation=${root}/slurm/state`,
    `SlurmdSpoolDir=${root}/slurm/spool-%n`,
    `SlurmctldPidFile=${root}/slurm/slurmctld.pid`,
    `SlurmdPidFile=${root}/slurm/slurmd-%n.pid`,
    `SlurmctldLogFile=${root}/${SLURM_LOGS}/slurmctld.log`,
    `SlurmdLogFile=${root}/${SLURM_LOGS}/slurmd-%n.log`,
    ...config,
  ];
  for (const line of lines) parameters.set(line.slice(0, line.indexOf('=')).toLowerCase(), line);
  return {
    'slurm/slurm.conf': [
      ...parameters.values(),
      ...computeHosts.map((host) => `NodeName=${host} CPUs=${cpus} RealMemory=16000 State=UNKNOWN`),
      `PartitionName=debug Nodes=${computeHosts.join(',')} Default=YES MaxTime=INFINITE State=UP`,
      '',
    ].join('\n'),
    'slurm/cgroup.conf': cgroupConfig(),
  };
}

/** slurmd asks its cgroup plugin for one even where nothing of it is used, and picks v2 wrongly on hybrid mounts. */
function cgroupConfig(): string {
  const unified = existsSync('/sys/fs/cgroup/cgroup.controllers');
  return unified ? 'IgnoreSystemd=yes\n' : 'CgroupPlugin=cgroup/v1\n';
}

/** Before the first host is started: they all bind the directory of munged's socket. */
export function makeSlurmDirectories(root: string): void {
  for (const folder of ['munge', 'munge-private', 'slurm/state', SLURM_LOGS]) {
    mkdirSync(join(root, folder), { recursive: true });
  }
  writeFileSync(join(root, 'munge-private/munge.key'), randomBytes(1024), { mode: 0o600 });
}

/** One munged for all hosts: its socket's directory is bound to /run/munge everywhere. */
export async function startMunged(root: string, control: LabHost): Promise<void> {
  const own = join(root, 'munge-private');
  startDaemon(root, control, 'munged', [
    'munged',
    '--foreground',
    '--force',
    `--key-file=${own}/munge.key`,
    `--seed-file=${own}/munged.seed`,
    `--pid-file=${own}/munged.pid`,
    '--socket=/run/munge/munge.socket.2',
  ]);
  await waitFor('munged', () => existsSync(join(root, 'munge/munge.socket.2')) || undefined, {
    timeoutMs: 10_000,
    everyMs: 10,
    explain: () => logTail(root, 'munged.out'),
  });
}

export function startSlurmctld(root: string, control: LabHost): void {
  startDaemon(root, control, 'slurmctld', ['slurmctld', '-D']);
}

export function startSlurmd(root: string, host: LabHost): void {
  mkdirSync(join(root, `slurm/spool-${host.name}`), { recursive: true });
  startDaemon(root, host, `slurmd-${host.name}`, ['slurmd', '-D', '-N', host.name]);
}

/** Runs until its host ends. What it says goes to LOGS/NAME.out. */
export function startDaemon(root: string, host: LabHost, name: string, argv: readonly string[]): void {
  const log = openSync(join(root, SLURM_LOGS, `${name}.out`), 'a');
  const child = spawn('nsenter', [...onHost(host.init), '--', 'setsid', ...argv], {
    env: { PATH: SYSTEM_PATH },
    cwd: '/',
    detached: true,
    stdio: ['ignore', log, log],
  });
  child.unref();
  closeSync(log);
}

/** The end of a log, to explain a failed start. Empty when there is none. */
export function logTail(root: string, name: string, lines = 15): string {
  try {
    const text = readFileSync(join(root, SLURM_LOGS, name), 'utf8').trimEnd();
    return [`${name}:`, ...text.split('\n').slice(-lines)].join('\n');
  } catch {
    return '';
  }
}
