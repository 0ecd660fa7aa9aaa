import { X509Certificate } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { TLSSocket } from 'node:tls';
import { textAt } from './objects.ts';
import { resourceTypes } from './resource-types.ts';
import { StatusError } from './status-error.ts';
import type { Store } from './store.ts';
import type { IssuedToken } from './subresources.ts';

/** Who sends a request. */
export interface Identity {
  name: string;
  groups: string[];
}

const anonymous: Identity = { name: 'system:anonymous', groups: ['system:unauthenticated'] };

/**
 * Who sends this request: the subject of a verified client certificate, a token, or nobody.
 *
 * @throws StatusError 401 for a token that is unknown or expired
 */
export function identify(
  request: IncomingMessage,
  store: Store,
  tokens: ReadonlyMap<string, IssuedToken>,
): Identity {
  const socket = request.socket as TLSSocket;
  const certificate = socket.authorized ? socket.getPeerCertificate(true).raw : undefined;
  if (certificate !== undefined) return identityOfCertificate(certificate);
  const bearer = /^Bearer (.+)$/i.exec(request.headers.authorization ?? '')?.[1];
  if (bearer === undefined) return anonymous;
  const identity = identityOfAccount(tokens.get(bearer), store) ?? identityOfToken(bearer, store);
  if (identity === undefined) throw new StatusError(401, 'Unauthorized', 'Unauthorized');
  return identity;
}

function identityOfCertificate(raw: Buffer): Identity {
  const fields = new X509Certificate(raw).subject.split('\n');
  const values = (key: string) =>
    fields.filter((field) => field.startsWith(`${key}=`)).map((f) => f.slice(key.length + 1));
  return { name: values('CN')[0] ?? '', groups: [...values('O'), 'system:authenticated'] };
}

/** A token of a service account that is deleted, or made anew, is no longer one. */
function identityOfAccount(token: IssuedToken | undefined, store: Store): Identity | undefined {
  if (token === undefined || token.expiresAt <= Date.now()) return undefined;
  const { name, namespace, uid } = token;
  if (store.find(resourceTypes.serviceAccounts, name, namespace)?.metadata.uid !== uid) return undefined;
  return {
    name: `system:serviceaccount:${namespace}:${name}`,
    groups: ['system:serviceaccounts', `system:serviceaccounts:${namespace}`, 'system:authenticated'],
  };
}

function identityOfToken(token: string, store: Store): Identity | undefined {
  const [id = '', secret = ''] = token.split('.');
  const found = store.find(resourceTypes.secrets, `bootstrap-token-${id}`, 'kube-system');
  if (found === undefined || secret === '') return undefined;
  const value = (key: string) => Buffer.from(textAt(found, 'data', key), 'base64').toString();
  const expiration = value('expiration');
  if (value('token-secret') !== secret || value('usage-bootstrap-authentication') !== 'true')
    return undefined;
  if (expiration !== '' && Date.parse(expiration) <= Date.now()) return undefined;
  return {
    name: `system:bootstrap:${id}`,
    groups: [
      'system:bootstrappers',
      ...value('auth-extra-groups').split(',').filter(Boolean),
      'system:authenticated',
    ],
  };
}
