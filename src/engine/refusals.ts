/** What a release's preflight and kubeadm refuse about a host, as errors that say what to do. */
import { type ErrorCode, UnetError } from '../errors.ts';
import { lastLines } from '../process/run.ts';

type Refusal = { pattern: RegExp; code: ErrorCode; message: string; remedy: string };

const CGROUP_PAGE = 'https://rootlesscontaine.rs/getting-started/common/cgroup2/';

// Texts of upstream's Makefile.d/check-preflight.sh (gen2-v20230901 to gen2-v20251218) and of kubeadm 1.34.
const REFUSALS: readonly Refusal[] = [
  {
    pattern: /Needs cgroup v2/,
    code: 'UNET_CGROUP',
    message: 'this host has cgroup v1, and rootless Kubernetes needs cgroup v2',
    remedy: `ask the administrator to boot it with systemd.unified_cgroup_hierarchy=1 (${CGROUP_PAGE}), or use a rootful engine`,
  },
  {
    pattern: /systemd not running\?/,
    code: 'UNET_USER_SESSION',
    message:
      'there is no systemd session of this user on this host (user@UID.service), which rootless containers get cgroups from',
    remedy:
      'ask the administrator for lingering ("loginctl enable-linger USER") or for pam_systemd in jobs, or use a rootful engine',
  },
  {
    pattern: /cgroup controller.* not (delegated|enabled|available)/i,
    code: 'UNET_CGROUP',
    message: 'cgroup controllers that Kubernetes needs are not delegated to this user',
    remedy: `ask the administrator to delegate cpu, cpuset, io, memory and pids to user@.service: ${CGROUP_PAGE}`,
  },
  {
    pattern: /missing required cgroups?/i,
    code: 'UNET_CGROUP',
    message: 'the kubelet cannot run here: cgroup controllers that it needs are missing',
    remedy:
      'the node needs cpu, cpuset, memory and pids: compare /sys/fs/cgroup/cgroup.controllers on that host',
  },
  {
    pattern: /cgroups? v1 support|kubelet.*configured to not run on a host using cgroup v1/i,
    code: 'UNET_CGROUP',
    message: 'this host has cgroup v1, which Kubernetes from 1.35 on refuses',
    remedy: 'use an older release (unet releases), or a host with cgroup v2',
  },
  {
    pattern: /No container engine was detected/,
    code: 'UNET_ENGINE_MISSING',
    message: 'the release finds no container engine on this host',
    remedy: 'install rootless Docker, Podman or nerdctl, or load its module',
  },
];
const MISSING_COMMAND = /Command "([^"]+)" is not installed/;

/** The error for what a make target has said when it failed; undefined when it says nothing that is known. */
export function refusalOf(output: string): UnetError | undefined {
  // The same texts as warnings refuse nothing.
  const said = lastLines(output, Number.POSITIVE_INFINITY)
    .filter((line) => /\[ERROR\b|^error:|^E\d{4} /.test(line.trim()))
    .join('\n');
  const details = { tail: lastLines(output), fatal: true };
  const [, command] = MISSING_COMMAND.exec(said) ?? [];
  if (command !== undefined) {
    const remedy = `install ${command} on every node, or load the module that provides it`;
    return new UnetError('UNET_TOOL_MISSING', `the release needs ${command}, which is not on PATH`, {
      ...details,
      remedy,
    });
  }
  const refusal = REFUSALS.find(({ pattern }) => pattern.test(said));
  return refusal && new UnetError(refusal.code, refusal.message, { ...details, remedy: refusal.remedy });
}
