import type { IncomingMessage } from 'node:http';
import { isAdministrator } from './authorization.ts';
import { readBody } from './body.ts';
import type { Identity } from './identity.ts';
import { type Fields, isFields } from './objects.ts';

/** `kubectl auth whoami` and `kubectl auth can-i`: objects that are answered and not stored. */
export async function reviewAnswer(
  http: IncomingMessage,
  pathname: string,
  identity: Identity,
): Promise<Fields | undefined> {
  if (http.method !== 'POST') return undefined;
  if (pathname === '/apis/authentication.k8s.io/v1/selfsubjectreviews') {
    const userInfo = { username: identity.name, groups: identity.groups };
    return { ...(await body(http)), status: { userInfo } };
  }
  if (pathname === '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews') {
    return { ...(await body(http)), status: { allowed: isAdministrator(identity) } };
  }
  return undefined;
}

async function body(http: IncomingMessage): Promise<Fields> {
  const given = await readBody(http);
  return isFields(given) ? given : {};
}
