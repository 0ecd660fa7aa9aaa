import { createHash, X509Certificate } from 'node:crypto';
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { textAt } from '../api/objects.ts';
import type { BootstrapToken } from '../control-plane/bootstrap-token.ts';
import { isClusterInfoSignature } from '../control-plane/token-signature.ts';
import { ApiClient, ApiError } from './api-client.ts';
import type { Machine } from './machine.ts';

/** What the join line says. */
export interface JoinTarget {
  host: string;
  port: number;
  token: BootstrapToken;
  /** "sha256:" and 64 hexadecimal digits. */
  hash: string;
}

export interface Discovered {
  address: string;
  /** PEM of the cluster's authority, after its public key was checked against the pin. */
  authority: string;
}

export interface DiscoveryOptions {
  timeoutMs: number | undefined;
  failure: string | undefined;
  signal: AbortSignal;
}

/** kubeadm's is five minutes; nobody who rehearses wants to wait for that. `join:timeout=5m` does. */
const defaultTimeoutMs = 10_000;

/**
 * Finds out whom to trust, as kubeadm does: reads cluster-info without verifying the server, checks the
 * token's signature on it and the pinned key, then reads it again with the authority verified.
 *
 * @throws Error with kubeadm's text, without its "couldn't validate the identity of the API Server: "
 */
export async function discover(
  machine: Machine,
  target: JoinTarget,
  options: DiscoveryOptions,
): Promise<Discovered> {
  const { host, port, token, hash } = target;
  const url = `https://${host}:${port}/api/v1/namespaces/kube-public/configmaps/cluster-info?timeout=10s`;
  rehearseFailure(target, url, options.failure);
  const deadline = Date.now() + (options.timeoutMs ?? defaultTimeoutMs);
  const address = await resolveHost(machine, host, url);
  const read = (authority?: string) =>
    readClusterInfo(
      { serverName: host, address, port, ...(authority !== undefined && { authority }) },
      token,
      url,
      deadline,
      options.signal,
    );
  const info = await read();
  if (!isClusterInfoSignature(info.signature, info.kubeconfig, token)) {
    throw new Error(
      "failed to verify JWS signature of received cluster info object, can't trust this API Server",
    );
  }
  const authority = authorityOf(info.kubeconfig);
  const actual = options.failure === 'ca' ? 'sha256:'.padEnd(71, '0') : publicKeyHash(authority);
  if (actual !== hash) {
    throw new Error(
      `cluster CA found in cluster-info ConfigMap is invalid: none of the public keys "${actual}" are pinned`,
    );
  }
  const verified = await read(authority);
  if (verified.kubeconfig !== info.kubeconfig) {
    throw new Error(
      'the second kubeconfig from the cluster-info ConfigMap (using validated TLS) was different from the first',
    );
  }
  return { address, authority };
}

function rehearseFailure({ token, host, port }: JoinTarget, url: string, failure: string | undefined): void {
  const request = `failed to request the cluster-info ConfigMap: Get "${url}"`;
  if (failure === 'timeout') {
    throw new Error(
      `${request}: net/http: request canceled while waiting for connection (Client.Timeout exceeded while awaiting headers)`,
    );
  }
  if (failure === 'refused')
    throw new Error(`${request}: dial tcp ${host}:${port}: connect: connection refused`);
  if (failure === 'token') throw new Error(missingSignature(token));
}

async function resolveHost(machine: Machine, host: string, url: string): Promise<string> {
  const known = machine.hosts.get(host) ?? (isIP(host) ? host : undefined);
  if (known !== undefined) return known;
  try {
    return (await lookup(host, 4)).address;
  } catch {
    throw new Error(
      `failed to request the cluster-info ConfigMap: Get "${url}": dial tcp: lookup ${host}: no such host`,
    );
  }
}

/** Tries again until the token's signature is there or the time is up, and then tells the last reason. */
async function readClusterInfo(
  connection: { serverName: string; address: string; port: number; authority?: string },
  token: BootstrapToken,
  url: string,
  deadline: number,
  signal: AbortSignal,
): Promise<{ kubeconfig: string; signature: string }> {
  using client = new ApiClient(connection);
  for (;;) {
    const result = await client
      .send('GET', '/api/v1/namespaces/kube-public/configmaps/cluster-info')
      .catch((error: Error) => error);
    let reason: string;
    if (result instanceof Error)
      reason = `failed to request the cluster-info ConfigMap: ${describe(result, connection, url)}`;
    else {
      const signature = textAt(result, 'data', `jws-kubeconfig-${token.id}`);
      if (signature !== '') return { kubeconfig: textAt(result, 'data', 'kubeconfig'), signature };
      reason = missingSignature(token);
    }
    if (Date.now() >= deadline) throw new Error(reason);
    await delay(Math.min(250, Math.max(0, deadline - Date.now())), undefined, { signal });
  }
}

/** The words that Go's HTTP client has for it. */
function describe(
  error: NodeJS.ErrnoException,
  { address, port }: { address: string; port: number },
  url: string,
): string {
  if (error instanceof ApiError) return error.message;
  const dial = `Get "${url}": dial tcp ${address}:${port}`;
  switch (error.code) {
    case 'ECONNREFUSED':
      return `${dial}: connect: connection refused`;
    case 'EHOSTUNREACH':
      return `${dial}: connect: no route to host`;
    case 'ECONNRESET':
      return `Get "${url}": EOF`;
    default:
      return error.name === 'AbortError' || error.name === 'TimeoutError'
        ? `Get "${url}": net/http: request canceled while waiting for connection (Client.Timeout exceeded while awaiting headers)`
        : `Get "${url}": ${error.message}`;
  }
}

function missingSignature(token: BootstrapToken): string {
  return `could not find a JWS signature in the cluster-info ConfigMap for token ID "${token.id}"`;
}

function authorityOf(kubeconfig: string): string {
  const data = /certificate-authority-data: (\S+)/.exec(kubeconfig)?.[1] ?? '';
  return Buffer.from(data, 'base64').toString();
}

function publicKeyHash(authority: string): string {
  const key = new X509Certificate(authority).publicKey.export({ type: 'spki', format: 'der' });
  return `sha256:${createHash('sha256').update(key).digest('hex')}`;
}
