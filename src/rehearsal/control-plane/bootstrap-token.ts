import { randomInt } from 'node:crypto';
import { textAt, timestamp } from '../api/objects.ts';
import { resourceTypes } from '../api/resource-types.ts';
import type { Store } from '../api/store.ts';

/** A token's two halves: only the id may be shown. */
export interface BootstrapToken {
  id: string;
  secret: string;
}

const alphabet = '0123456789abcdefghijklmnopqrstuvwxyz';

/** Creates a token as `kubeadm token create` does; expires after the lifetime in milliseconds (0: never). */
export function createToken(store: Store, lifetimeMs: number, given?: BootstrapToken): BootstrapToken {
  const token = given ?? { id: randomText(6), secret: randomText(16) };
  const data = {
    'auth-extra-groups': 'system:bootstrappers:kubeadm:default-node-token',
    ...(lifetimeMs > 0 && { expiration: timestamp(new Date(Date.now() + lifetimeMs)) }),
    'token-id': token.id,
    'token-secret': token.secret,
    'usage-bootstrap-authentication': 'true',
    'usage-bootstrap-signing': 'true',
  };
  store.create(resourceTypes.secrets, {
    metadata: { name: `bootstrap-token-${token.id}`, namespace: 'kube-system' },
    type: 'bootstrap.kubernetes.io/token',
    data: Object.fromEntries(
      Object.entries(data).map(([key, value]) => [key, Buffer.from(value).toString('base64')]),
    ),
  });
  return token;
}

/** A stored token, decoded. */
export interface StoredToken extends BootstrapToken {
  /** RFC 3339, empty when it never expires. */
  expiration: string;
}

export function listTokens(store: Store): StoredToken[] {
  return store
    .list(resourceTypes.secrets, 'kube-system')
    .filter((secret) => secret.type === 'bootstrap.kubernetes.io/token')
    .map((secret) => {
      const value = (key: string) => Buffer.from(textAt(secret, 'data', key), 'base64').toString();
      return { id: value('token-id'), secret: value('token-secret'), expiration: value('expiration') };
    });
}

/** "abcdef.0123456789abcdef" in its halves; undefined when it is not a token. */
export function parseToken(text: string): BootstrapToken | undefined {
  const match = /^([a-z0-9]{6})\.([a-z0-9]{16})$/.exec(text);
  return match === null ? undefined : { id: match[1] ?? '', secret: match[2] ?? '' };
}

function randomText(length: number): string {
  return Array.from({ length }, () => alphabet[randomInt(alphabet.length)]).join('');
}
