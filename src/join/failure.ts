/** What a failed `kubeadm join` means, from its output. */
import { type ErrorCode, UnetError } from '../errors.ts';
import { lastLines } from '../process/run.ts';

type Failure = {
  pattern: RegExp;
  code: ErrorCode;
  message: string;
  remedy: string;
  fatal: boolean;
};

// In this order: a cause before what it brings about. Texts of kubeadm 1.34 (recorded/usernetes and its sources).
const FAILURES: readonly Failure[] = [
  {
    pattern: /none of the public keys .* are pinned/,
    code: 'UNET_JOIN_CA_MISMATCH',
    message: 'the API server is not the one of the join record: its CA is not the pinned one',
    remedy:
      'another cluster answers at the lead’s address: run "unet down" in both jobs, then start them again one after the other',
    fatal: true,
  },
  {
    pattern: /missing required cgroups?|\[ERROR SystemVerification\].*cgroups? v1/i,
    code: 'UNET_JOIN_FAILED',
    message: 'the kubelet cannot run here: the node lacks cgroup v2 or controllers that it needs',
    remedy:
      'the node needs cgroup v2 with cpu, cpuset, memory and pids delegated to the user: compare /sys/fs/cgroup/cgroup.controllers there',
    fatal: true,
  },
  {
    pattern:
      /could not find a JWS signature|failed to verify JWS signature|token id .* is invalid for this cluster or it has expired|invalid bearer token|\bUnauthorized\b/i,
    code: 'UNET_JOIN_FAILED',
    message: 'the bootstrap token was not accepted: it has expired, was revoked, or is another cluster’s',
    remedy: 'run "unet up" again, which makes a new token',
    fatal: true,
  },
  {
    pattern:
      /ERROR FileAvailable|ERROR DirAvailable|ERROR Port-\d+|Port \d+ is in use|address already in use/,
    code: 'UNET_JOIN_FAILED',
    message: 'files or ports of an earlier attempt are in the way',
    remedy:
      'a reset before the next attempt removes them; a port may also be taken by another job on this node',
    fatal: false,
  },
  {
    pattern: /validate CRI v1 runtime API|ERROR CRI|container runtime is not running/,
    code: 'UNET_JOIN_FAILED',
    message: 'containerd in the node does not answer',
    remedy: 'see the log of the step "boot" of this node',
    fatal: false,
  },
  {
    pattern: /a Node with name .* already exists in the cluster/,
    code: 'UNET_JOIN_FAILED',
    message: 'a node of this name is in the cluster already',
    remedy: 'an earlier attempt may have registered it: it can join once that node counts as not ready',
    fatal: false,
  },
  {
    pattern: /certificate has expired or is not yet valid/,
    code: 'UNET_JOIN_FAILED',
    message: 'the API server’s certificate is not valid at this node’s time',
    remedy: 'compare the clocks of this node and the lead',
    fatal: false,
  },
  {
    pattern: /connection refused|no route to host|network is unreachable|no such host/,
    code: 'UNET_JOIN_FAILED',
    message: 'the API server could not be reached',
    remedy: 'a firewall between the nodes, or the wrong network: choose one with --interface',
    fatal: false,
  },
  {
    pattern:
      /timed out waiting for the condition|context deadline exceeded|i\/o timeout|Client\.Timeout exceeded|TLS handshake timeout/,
    code: 'UNET_JOIN_TIMEOUT',
    message: 'kubeadm gave up waiting',
    remedy: 'see the log of the step for what it waited for',
    fatal: false,
  },
];

/**
 * The error for a `kubeadm join` that failed with this output. Its `tail` has the last lines, without secrets;
 * `fatal` says that no retry helps.
 */
export function classifyJoinFailure(output: string): UnetError {
  // kubeadm warns of some of the same things that elsewhere are errors.
  const said = output
    .split(/\r?\n/)
    .filter((line) => !line.includes('[WARNING'))
    .join('\n');
  const tail = lastLines(output);
  const failure = FAILURES.find(({ pattern }) => pattern.test(said));
  if (failure === undefined) {
    return new UnetError('UNET_JOIN_FAILED', 'kubeadm join failed', {
      tail,
      remedy: 'see the log of the step',
    });
  }
  const { code, message, remedy, fatal } = failure;
  return new UnetError(code, message, { tail, remedy, fatal });
}
