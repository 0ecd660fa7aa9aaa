import { createHmac, timingSafeEqual } from 'node:crypto';
import type { BootstrapToken } from './bootstrap-token.ts';

/**
 * The detached JWS (RFC 7515, HS256) by which a token vouches for the cluster-info kubeconfig: header
 * and signature with nothing between.
 */
export function signClusterInfo(kubeconfig: string, { id, secret }: BootstrapToken): string {
  const header = Buffer.from(JSON.stringify({ alg: 'HS256', kid: id })).toString('base64url');
  const payload = Buffer.from(kubeconfig).toString('base64url');
  const signature = createHmac('sha256', secret).update(`${header}.${payload}`).digest('base64url');
  return `${header}..${signature}`;
}

export function isClusterInfoSignature(
  signature: string,
  kubeconfig: string,
  token: BootstrapToken,
): boolean {
  const expected = Buffer.from(signClusterInfo(kubeconfig, token));
  const given = Buffer.from(signature);
  return expected.length === given.length && timingSafeEqual(expected, given);
}
