/** Pages of a list: `limit` and `continue`. */
import type { KubeObject } from './objects.ts';
import { badRequest, StatusError } from './status-error.ts';
import type { Store } from './store.ts';

export type Page = { items: KubeObject[]; resourceVersion: string; next?: string; remaining?: number };

type Token = { revision: number; after: string };

/**
 * One page. All pages carry the first one's resourceVersion, so that a watch from there misses nothing.
 *
 * @throws StatusError 400 for what is no token, 410 when the revision of the first page is no longer known
 */
export function pageOf(store: Store, all: readonly KubeObject[], query: URLSearchParams): Page {
  const token = query.get('continue') || undefined;
  const limit = Number(query.get('limit') ?? 0);
  const { revision, after } =
    token === undefined ? { revision: store.revision, after: '' } : readToken(token);
  if (token !== undefined && store.changesSince(revision) === undefined) throw expired();
  const rest = token === undefined ? all : all.filter((object) => keyOf(object) > after);
  const items = limit > 0 ? rest.slice(0, limit) : [...rest];
  const last = items.at(-1);
  const resourceVersion = String(revision);
  if (last === undefined || items.length === rest.length) return { items, resourceVersion };
  return {
    items,
    resourceVersion,
    next: Buffer.from(JSON.stringify({ revision, after: keyOf(last) })).toString('base64url'),
    remaining: rest.length - items.length,
  };
}

function readToken(text: string): Token {
  try {
    const { revision, after } = JSON.parse(Buffer.from(text, 'base64url').toString()) as Token;
    if (typeof revision === 'number' && typeof after === 'string') return { revision, after };
  } catch {
    // Said below.
  }
  throw badRequest('continue key is not valid');
}

function expired(): StatusError {
  return new StatusError(
    410,
    'Expired',
    'The provided continue parameter is too old to display a consistent list result. You must start a new list without the continue parameter.',
  );
}

/** As the store sorts them. */
function keyOf({ metadata }: KubeObject): string {
  return `${metadata.namespace ?? ''}/${metadata.name}`;
}
