import { readFileSync } from 'node:fs';

/** The line about cgroup v1 that kubeadm prints on such a host. */
export function cgroupWarning(): string {
  return readMounts().includes(' /sys/fs/cgroup cgroup2 ')
    ? ''
    : '\t[WARNING SystemVerification]: cgroups v1 support is in maintenance mode, please migrate to cgroups v2\n';
}

function readMounts(): string {
  try {
    return readFileSync('/proc/self/mounts', 'utf8');
  } catch {
    return '';
  }
}
