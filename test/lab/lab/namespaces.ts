import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { identify, type ProcessIdentity } from './state.ts';
import { SYSTEM_PATH } from './unavailable.ts';

/*
 * Everything of a lab lives in one pid namespace, whose pid 1 ends when its stdin does. The kernel then kills
 * the rest: no process, network namespace, link or mount can outlive the owner, however that was killed, and
 * nothing has a name on this machine that could collide or be left (no /run/netns, no link in the root
 * namespace). Each host is a pid namespace within it, with its own network, UTS, IPC and mount namespaces.
 */

/** Where cgroup v1 has the freezer, by which proctrack/cgroup finds the processes of a job. */
export const FREEZER = '/sys/fs/cgroup/freezer';

/** The lab's part of it: slurmd names its cgroups by node, and n0 of two labs are not the same. */
export function freezerOf(root: string): string {
  return join(FREEZER, `unet-lab-${basename(root)}`);
}

/** The lab's pid 1: a private /etc and then nothing, until the owner is gone. bash, since pid 1 must reap orphans. */
const LAB_INIT = `
mount --make-rprivate /
mount --bind "$1/etc" /etc
echo up
exec >/dev/null 2>&1
if [ "$2" = by-hand ]; then sleep infinity & wait; else read -r _; fi
`;

/** Outside of the lab: takes its directory away when it has ended, also when no one else is left to do so. */
const HOLDER = `
trap : HUP INT TERM
exec 3>&2 2>/dev/null # bash says 'Killed' at the end, to a pipe that no one reads any more
unshare --pid --mount --fork --kill-child bash -euc "$1" lab-init "$2" "$3" 2>&3 3>&-
exec >/dev/null </dev/null 3>&-
rm -rf --one-file-system -- "$2"
[ ! -d "$4" ] || find "$4" -depth -type d -exec rmdir {} +
`;

/** A host's pid 1: host name, node-local places, loopback. It waits to be killed and reaps orphans meanwhile. */
const HOST_INIT = `
root=$1 name=$2 runtime_uid=$3 freezer=$4
mount --make-rprivate /
hostname "$name"
mount -t proc proc /proc
for place in /tmp /var/tmp /dev/shm; do
  mount -t tmpfs -o mode=1777,size=1g tmpfs "$place"
done
mount -t tmpfs -o mode=0755,size=64m tmpfs /run
mkdir -p /run/user /run/lock /run/sshd /run/munge
mount --bind "$root/munge" /run/munge
if [ -n "$runtime_uid" ]; then
  mkdir -m 0700 "/run/user/$runtime_uid"
  chown "$runtime_uid:$runtime_uid" "/run/user/$runtime_uid"
fi
mkdir -p "$root/etc-of/$name"
echo "$name" > "$root/etc-of/$name/hostname"
mount --bind "$root/etc-of/$name/hostname" /etc/hostname
if [ -n "$freezer" ]; then
  mkdir -p "$freezer/$name"
  mount --bind "$freezer/$name" ${FREEZER}
fi
ip link set lo up
echo up
exec >/dev/null 2>&1
sleep infinity &
while :; do wait; done
`;

const BOOT_TIMEOUT_MS = 15_000;

export interface Holder {
  readonly holder: ProcessIdentity;
  readonly init: ProcessIdentity;
}

/** Starts the lab's outer namespace. Its directory must exist and hold `etc`. */
export async function startHolder(root: string, kind: 'owned' | 'by-hand'): Promise<Holder> {
  const child = spawn('bash', ['-c', HOLDER, 'unet-lab', LAB_INIT, root, kind, freezerOf(root)], {
    env: { PATH: SYSTEM_PATH },
    cwd: '/',
    // Its own session: what kills the test's process group must not kill the one who cleans up.
    detached: true,
    stdio: [kind === 'owned' ? 'pipe' : 'ignore', 'pipe', 'pipe'],
  });
  await isUp(child, 'the lab');
  child.unref();
  // Not unref'ed away: closing this pipe, by dispose or by dying, is what ends the lab.
  (child.stdin as unknown as { unref?: () => void } | null)?.unref?.();
  const [unshare] = await childrenOf(child.pid ?? 0);
  const [init] = await childrenOf(unshare ?? 0);
  return { holder: identify(child.pid ?? 0), init: identify(init ?? 0) };
}

/** Starts a host in the lab. It has no network but loopback yet. @returns its pid 1, as seen from here. */
export async function startHost(
  lab: { root: string; init: ProcessIdentity },
  name: string,
  { runtimeUid, ownFreezer = false }: { runtimeUid?: number | undefined; ownFreezer?: boolean },
): Promise<ProcessIdentity> {
  const enterLab = ['--target', String(lab.init.pid), '--pid', '--mount', '--'];
  const unshare = ['unshare', '--net', '--uts', '--ipc', '--mount', '--pid', '--fork', '--kill-child'];
  const places = [
    lab.root,
    name,
    runtimeUid ? String(runtimeUid) : '',
    ownFreezer ? freezerOf(lab.root) : '',
  ];
  const init = ['bash', '-euc', HOST_INIT, 'host-init', ...places];
  const child = spawn('nsenter', [...enterLab, ...unshare, ...init], {
    env: { PATH: SYSTEM_PATH },
    cwd: '/',
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  await isUp(child, `host ${name}`);
  child.unref();
  const [unsharePid] = await childrenOf(child.pid ?? 0);
  const [initPid] = await childrenOf(unsharePid ?? 0);
  return identify(initPid ?? 0);
}

/** Arguments of nsenter to be on a host, in all of its namespaces. */
export function onHost(init: ProcessIdentity): string[] {
  return ['--target', String(init.pid), '--net', '--uts', '--ipc', '--mount', '--pid'];
}

/** The pid's children, waiting for the first one for a moment. Empty when it has ended. */
export async function childrenOf(pid: number): Promise<number[]> {
  for (let tries = 0; tries < 400; tries += 1) {
    const children = childrenNow(pid);
    if (children === undefined || children.length > 0) return children ?? [];
    await sleep(2);
  }
  return [];
}

/** undefined when there is no such process any more. */
export function childrenNow(pid: number): number[] | undefined {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
  } catch {
    return undefined;
  }
}

async function isUp(child: ReturnType<typeof spawn>, what: string): Promise<void> {
  let said = '';
  child.stderr?.on('data', (text) => {
    said += text;
  });
  const signal = AbortSignal.timeout(BOOT_TIMEOUT_MS);
  try {
    await Promise.race([
      once(child.stdout as NonNullable<typeof child.stdout>, 'data', { signal }),
      once(child, 'exit', { signal }).then(([code]) => {
        throw new Error(`ended with exit code ${code}`);
      }),
    ]);
  } catch (cause) {
    child.kill('SIGKILL');
    throw new Error(`${what} did not come up: ${said.trim()}`, { cause });
  } finally {
    child.stdout?.destroy();
    child.stderr?.destroy();
  }
}
