/** What a node cannot be given, and why: said before anything is started, instead of a node that half works. */
import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { UnetError } from '../errors.ts';
import type { ComposeFile } from './compose-file.ts';
import type { ContainerOptions } from './container-options.ts';
import type { Identity } from './identity.ts';

// What the node's own system lives in: a mount there would hide it.
const SYSTEM = [
  '/',
  '/bin',
  '/sbin',
  '/lib',
  '/lib64',
  '/usr',
  '/usr/bin',
  '/usr/sbin',
  '/usr/lib',
  '/usr/local',
  '/usr/local/bin',
  '/kind',
];
// Made by the engine or the node at its start: nothing can be mounted below them either.
const VIRTUAL = ['/proc', '/sys', '/dev', '/run', '/usernetes'];
// Kept by the node's own daemons.
const KEPT = ['/var/lib/kubelet', '/var/lib/containerd', '/var/lib/etcd', '/etc/kubernetes'];

/** Where the files of --ca-cert are mounted, for update-ca-certificates(8). */
export const CA_DIRECTORY = '/usr/local/share/ca-certificates';

/**
 * @throws UnetError UNET_OVERRIDE_REFUSED for what the release's compose file does not leave room for;
 *   UNET_MOUNT_MISSING for a path that is not on this host.
 */
export async function refuseExtras(options: ContainerOptions, file: ComposeFile): Promise<void> {
  refuseMounts(options, file);
  refuseVariables(options, file);
  refuseDoublePorts(options);
  const paths = [
    ...options.mounts.map(({ source }) => ({ path: source, flag: '--mount' })),
    ...options.caCerts.map((path) => ({ path, flag: '--ca-cert' })),
    ...options.devices
      .filter((device) => device.startsWith('/'))
      .map((device) => ({ path: device.split(':', 1)[0] ?? '', flag: '--device' })),
  ];
  for (const { path, flag } of paths) {
    await access(path, constants.F_OK).catch((error) => {
      throw new UnetError('UNET_MOUNT_MISSING', `${path} of ${flag} is not on this node`, {
        cause: error,
        fatal: true,
        remedy: `name a path that exists on every node; the engine would create an empty directory there`,
      });
    });
  }
}

/** @throws UnetError UNET_OVERRIDE_REFUSED when a port of --publish is one of the node's own four. */
export function refusePorts(options: ContainerOptions, { ports }: Pick<Identity, 'ports'>): void {
  const own = [
    { name: 'etcd', port: ports.etcd, protocol: 'tcp' },
    { name: 'the kubelet', port: ports.kubelet, protocol: 'tcp' },
    { name: 'flannel', port: ports.flannel, protocol: 'udp' },
    { name: 'the API server', port: ports.apiServer, protocol: 'tcp' },
  ];
  for (const { host, protocol } of options.ports) {
    const holder = own.find((one) => one.port === host && one.protocol === protocol);
    if (holder !== undefined) {
      throw refused(
        `port ${host}/${protocol} of --publish is already used by ${holder.name} on this node`,
        'choose another host port',
      );
    }
  }
}

function refuseMounts({ mounts, caCerts }: ContainerOptions, file: ComposeFile): void {
  const taken = [...file.targets, ...(caCerts.length > 0 ? [CA_DIRECTORY] : [])];
  const seen = new Set<string>();
  for (const { target } of mounts) {
    const reason = whyNot(target, taken, seen);
    if (reason !== undefined) {
      throw refused(
        `--mount to ${target}: ${reason}`,
        'mount it elsewhere, such as /mnt or a directory that the image does not have',
      );
    }
    seen.add(target);
  }
}

function whyNot(target: string, taken: readonly string[], seen: ReadonlySet<string>): string | undefined {
  if (seen.has(target)) {
    return 'two mounts have the same target';
  }
  if (SYSTEM.includes(target)) {
    return "it would hide the node's own system";
  }
  const hidden = [...taken, ...VIRTUAL, ...KEPT].find((path) => path === target || isBelow(path, target));
  if (hidden !== undefined) {
    return `it would hide ${hidden}, which the node needs`;
  }
  const virtual = VIRTUAL.find((path) => isBelow(target, path));
  return virtual === undefined ? undefined : `${virtual} is created when the node starts`;
}

function refuseVariables({ variables }: ContainerOptions, file: ComposeFile): void {
  const seen = new Set<string>();
  for (const { name } of variables) {
    if (file.variables.includes(name)) {
      throw refused(`--env ${name}: the release sets this variable itself`, 'leave it to the release');
    }
    if (seen.has(name)) {
      throw refused(`--env ${name} is given twice`, 'give it once');
    }
    seen.add(name);
  }
}

function refuseDoublePorts({ ports }: ContainerOptions): void {
  const seen = new Set<string>();
  for (const { host, protocol } of ports) {
    const key = `${host}/${protocol}`;
    if (seen.has(key)) {
      throw refused(`--publish names host port ${key} twice`, 'give each host port once');
    }
    seen.add(key);
  }
}

function isBelow(path: string, parent: string): boolean {
  return path.startsWith(parent === '/' ? '/' : `${parent}/`) && path !== parent;
}

function refused(message: string, remedy: string): UnetError {
  return new UnetError('UNET_OVERRIDE_REFUSED', message, { fatal: true, remedy });
}
