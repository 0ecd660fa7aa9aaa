import { describe, expect, test } from 'vitest';
import { classifyJoinFailure } from '../../src/join/failure.ts';
import { recorded } from './records.ts';

describe('a failed kubeadm join', () => {
  test('with another CA than the pinned one is not worth another try', () => {
    const error = classifyJoinFailure(recorded('kubeadm-join-wrong-ca-hash.stdout'));
    expect(error).toMatchObject({ code: 'UNET_JOIN_CA_MISMATCH', fatal: true });
  });

  test('on the files and ports of an earlier try is worth another one', () => {
    const error = classifyJoinFailure(recorded('kubeadm-join-again.stdout'));
    expect(error).toMatchObject({ code: 'UNET_JOIN_FAILED', fatal: false });
    expect(error.message).toContain('files or ports of an earlier attempt');
  });

  test('shows its last lines without the token that make -x printed', () => {
    const { tail = [] } = classifyJoinFailure(recorded('kubeadm-join-again.stdout')).details;
    expect(tail.join('\n')).toContain('Port 10250 is in use');
    expect(tail.join('\n')).not.toContain('xb2dq6qyi3l0sxqp');
    expect(tail.join('\n')).not.toContain('\r');
  });

  test.each([
    'error: couldn\'t validate the identity of the API Server: could not find a JWS signature in the cluster-info ConfigMap for token ID "abcdef"',
    'couldn\'t validate the identity of the API Server: token id "abcdef" is invalid for this cluster or it has expired. Use "kubeadm token create"',
    "error: failed to verify JWS signature of received cluster info object, can't trust this API Server",
    'error execution phase kubelet-start: Unauthorized',
    'Authentication failed: invalid bearer token',
  ])('with a token that is not accepted is not tried again: %s', (output) => {
    expect(classifyJoinFailure(output)).toMatchObject({ code: 'UNET_JOIN_FAILED', fatal: true });
    expect(classifyJoinFailure(output).message).toContain('token');
  });

  test.each([
    '\t[ERROR SystemVerification]: missing required cgroups: cpuset',
    '\t[ERROR SystemVerification]: cgroups v1 support is deprecated and will be removed in a future release',
  ])('without the cgroups it needs is not worth another try: %s', (output) => {
    expect(classifyJoinFailure(output)).toMatchObject({ code: 'UNET_JOIN_FAILED', fatal: true });
    expect(classifyJoinFailure(output).message).toContain('cgroup');
  });

  test('is not blamed on what kubeadm only warns of', () => {
    const error = classifyJoinFailure(
      '\t[WARNING SystemVerification]: missing required cgroups: hugetlb\nerror: something else',
    );
    expect(error).toMatchObject({ message: 'kubeadm join failed', fatal: false });
  });

  test('before containerd answers is worth another try', () => {
    const error = classifyJoinFailure(recorded('kubeadm-init-too-early.stdout'));
    expect(error.message).toBe('containerd in the node does not answer');
    expect(error.fatal).toBe(false);
  });

  test.each([
    ['UNET_JOIN_TIMEOUT', 'error execution phase kubelet-start: timed out waiting for the condition'],
    ['UNET_JOIN_TIMEOUT', 'Get "https://u7s-n0:6443": context deadline exceeded'],
    ['UNET_JOIN_FAILED', 'dial tcp 10.77.0.10:6443: connect: connection refused'],
    ['UNET_JOIN_FAILED', 'a Node with name "u7s-n1" and status "Ready" already exists in the cluster'],
    ['UNET_JOIN_FAILED', 'x509: certificate has expired or is not yet valid: current time 2020'],
    ['UNET_JOIN_FAILED', 'who knows'],
    ['UNET_JOIN_FAILED', ''],
  ])('is %s and worth another try: %s', (code, output) => {
    expect(classifyJoinFailure(output)).toMatchObject({ code, fatal: false });
  });
});
