import { randomBytes } from 'node:crypto';
import { chmodSync, chownSync, existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { bootHost } from './boot.ts';
import { waitFor } from './deadline.ts';
import { makeEtc, newLabUser } from './etc.ts';
import { Lab } from './lab.ts';
import { FREEZER, type Holder, startHolder } from './namespaces.ts';
import { addressOf, CONTROL_HOST } from './network.ts';
import { logTail, makeSlurmDirectories, type SlurmOptions, slurmFiles } from './slurm.ts';
import { makeSshKeys, SSH_FILES } from './ssh.ts';
import { identify, LABS_DIRECTORY, type LabState, saveState } from './state.ts';
import { endLab, removeRoot, sweep } from './sweep.ts';
import { labUnavailable } from './unavailable.ts';

export interface LabOptions extends SlurmOptions {
  /** How many compute nodes: n0, n1 … Default 3, at most 200. */
  hosts?: number;
  /** A host `login` that is no compute node. Default true. */
  login?: boolean;
  /** A real sshd on every host, host keys known to the user, and a key of the user's. Default false. */
  ssh?: boolean;
  /** /run/user/UID on every host, as a systemd login makes it. Default false: many sites have none in a job. */
  runtimeDirectory?: boolean;
  /** 'owned' (the default) ends with this process, however that ends; 'by-hand' goes on after it. */
  kind?: LabState['kind'];
  /** Until all nodes are idle. Default 30 s. */
  timeoutMs?: number;
}

/** Starts a lab and waits until all its nodes are idle. @throws when it cannot, having removed all it made. */
export async function startLab(options: LabOptions = {}): Promise<Lab> {
  const unavailable = labUnavailable();
  if (unavailable !== undefined) throw new Error(unavailable);
  if (options.proctrack === 'cgroup' && !existsSync(FREEZER)) {
    throw new Error(`proctrack 'cgroup' needs the cgroup v1 freezer at ${FREEZER}`);
  }
  await sweep();

  const root = join(LABS_DIRECTORY, randomBytes(4).toString('hex'));
  let holder: Holder | undefined;
  try {
    const { kind = 'owned', hosts = 3, login = true, timeoutMs = 30_000 } = options;
    const computeHosts = Array.from({ length: hosts }, (_, index) => `n${index}`);
    const otherHosts = login ? ['login', ...computeHosts] : computeHosts;
    const user = await makeRoot(root, [CONTROL_HOST, ...otherHosts], computeHosts, options);

    holder = await startHolder(root, kind);
    const state: LabState = {
      root,
      kind,
      owner: identify(process.pid),
      ...holder,
      user,
      computeHosts,
      submitHost: login ? 'login' : CONTROL_HOST,
      options: {
        ssh: options.ssh ?? false,
        runtimeDirectory: options.runtimeDirectory ?? false,
        cgroups: options.proctrack === 'cgroup',
      },
      hosts: {},
    };
    saveState(state);
    await bootHost(state, CONTROL_HOST);
    await Promise.all(otherHosts.map((host) => bootHost(state, host)));
    saveState(state);
    const lab = new Lab(state);
    await allIdle(lab, timeoutMs);
    return lab;
  } catch (error) {
    if (holder === undefined) removeRoot(root);
    else await endLab({ root, ...holder });
    throw error;
  }
}

async function makeRoot(root: string, hosts: string[], computeHosts: string[], options: LabOptions) {
  const home = join(root, 'home');
  mkdirSync(home, { recursive: true });
  // Whatever the umask: the user must reach the home, and only the home is the user's.
  for (const folder of [LABS_DIRECTORY, root]) chmodSync(folder, 0o755);
  const user = newLabUser(home);
  chownSync(home, user.uid, user.gid);
  const addresses = Object.fromEntries(hosts.map((host) => [host, addressOf(host, computeHosts)]));
  const files = { ...slurmFiles(root, computeHosts, options), ...SSH_FILES };
  makeEtc(root, { user, hosts: addresses, files });
  makeSlurmDirectories(root);
  if (options.ssh) await makeSshKeys(root, user, addresses);
  return user;
}

async function allIdle(lab: Lab, timeoutMs: number): Promise<void> {
  let said = '';
  await waitFor(
    'all nodes idle',
    async () => {
      const daemons = lab.processes(CONTROL_HOST).map(({ command }) => command);
      if (!daemons.some((command) => command.startsWith('slurmctld'))) {
        throw new Error(`slurmctld has ended\n${logTail(lab.root, 'slurmctld.out')}`);
      }
      const { stdout, stderr } = await lab.run(lab.login, [
        'sinfo',
        '--noheader',
        '--Node',
        '--format=%N %T',
      ]);
      said = stdout + stderr;
      const idle = stdout.split('\n').filter((line) => line.endsWith(' idle'));
      return idle.length === lab.hosts.length || undefined;
    },
    {
      timeoutMs,
      everyMs: 100,
      explain: () =>
        [said, ...['slurmctld.log', 'slurmd-n0.log'].map((log) => logTail(lab.root, log))].join('\n'),
    },
  );
}
